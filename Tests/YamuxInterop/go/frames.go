package main

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The frames of docs/protocol.md inside a stream: type (1), length (4), payload.
const (
	frameOpen           = 0x00
	frameAccepted       = 0x01
	frameRefused        = 0x02
	frameCommand        = 0x10
	frameStandardInput  = 0x11
	frameEndOfInput     = 0x12
	frameStarted        = 0x20
	frameStandardOutput = 0x21
	frameEnded          = 0x23
	frameInputTaken     = 0x24
	frameBoot           = 0x31
)

func writeFrame(w io.Writer, kind byte, payload string) error {
	frame := make([]byte, 5, 5+len(payload))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

func readFrame(r io.Reader) (byte, string, error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, "", err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > 1<<20 {
		return 0, "", fmt.Errorf("a frame of %d bytes", length)
	}
	payload := make([]byte, length)
	_, err := io.ReadFull(r, payload)
	return header[0], string(payload), err
}

// openService asks for a service on a fresh stream.
func openService(stream io.ReadWriter, service string) error {
	if err := writeFrame(stream, frameOpen, service); err != nil {
		return err
	}
	kind, reason, err := readFrame(stream)
	if err == nil && kind != frameAccepted {
		err = fmt.Errorf("the answer to %s: frame %#x %q", service, kind, reason)
	}
	return err
}
