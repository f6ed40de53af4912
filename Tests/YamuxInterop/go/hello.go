package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// The hello of docs/protocol.md: magic (8), version (2), length (2), and fields of tag (1), length (4), bytes.
const (
	helloMagic     = "\x89VMA\r\n\x1a\n"
	fieldBootID    = 1
	fieldToken     = 2
	fieldSoftware  = 3
	fieldRefusal   = 4
	fieldNonce     = 5
	fieldTransport = 6
)

type field struct {
	tag   byte
	value string
}

func writeHello(conn io.Writer, fields ...field) error {
	var body bytes.Buffer
	for _, f := range fields {
		body.WriteByte(f.tag)
		_ = binary.Write(&body, binary.BigEndian, uint32(len(f.value)))
		body.WriteString(f.value)
	}
	hello := append([]byte(helloMagic), 0, 1, byte(body.Len()>>8), byte(body.Len()))
	_, err := conn.Write(append(hello, body.Bytes()...))
	return err
}

// readHello reads a hello, and not a byte more.
func readHello(conn io.Reader) (map[byte]string, error) {
	var header [12]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return nil, fmt.Errorf("the peer's hello: %v", err)
	}
	if string(header[:8]) != helloMagic || binary.BigEndian.Uint16(header[8:]) != 1 {
		return nil, fmt.Errorf("the peer's hello begins with %x", header)
	}
	body := make([]byte, binary.BigEndian.Uint16(header[10:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, fmt.Errorf("the peer's hello: %v", err)
	}
	fields := map[byte]string{}
	for len(body) > 0 {
		if len(body) < 5 || len(body)-5 < int(binary.BigEndian.Uint32(body[1:])) {
			return nil, fmt.Errorf("the peer's hello ends inside a field")
		}
		end := 5 + int(binary.BigEndian.Uint32(body[1:]))
		fields[body[0]] = string(body[5:end])
		body = body[end:]
	}
	return fields, nil
}

func greetAsAgent(conn net.Conn) error {
	const nonce = "interop!"
	err := writeHello(conn, field{fieldToken, "token"}, field{fieldNonce, nonce}, field{fieldBootID, "boot"},
		field{fieldSoftware, "yamux-go"}, field{fieldTransport, "socket"})
	if err != nil {
		return err
	}
	answer, err := readHello(conn)
	if err != nil {
		return err
	}
	if refusal, refused := answer[fieldRefusal]; refused {
		return fmt.Errorf("the proxy refused the link: %s", refusal)
	}
	if answer[fieldNonce] != nonce {
		return fmt.Errorf("the proxy's answer is to the nonce %q, not %q", answer[fieldNonce], nonce)
	}
	return nil
}

func greetAsProxy(conn net.Conn) error {
	hello, err := readHello(conn)
	if err != nil {
		return err
	}
	if hello[fieldNonce] == "" || hello[fieldSoftware] == "" {
		return fmt.Errorf("the agent's hello has no nonce or no software: %q", hello)
	}
	return writeHello(conn, field{fieldNonce, hello[fieldNonce]}, field{fieldSoftware, "yamux-go"})
}
