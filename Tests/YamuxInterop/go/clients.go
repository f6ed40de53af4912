package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// runClients makes connections to a proxy's socket, behind which our other side plays the agent. Of eight, one asks to be
// reset in the middle and one leaves without a word; the others get every byte back, and then the end.
func runClients(o options) error {
	each := o.bytes / int64(o.streams)
	var total, resets, left int64
	var faults firstFault
	var running sync.WaitGroup
	places := make(chan struct{}, max(1, o.parallel))
	for index := 0; index < o.streams && faults.get() == nil; index++ {
		places <- struct{}{}
		running.Add(1)
		go func(index int) {
			defer running.Done()
			defer func() { <-places }()
			var err error
			switch index % 8 {
			case 1:
				err = withClient(o, func(conn *net.UnixConn) error { return beReset(conn, index, each) })
				atomic.AddInt64(&resets, 1)
			case 2:
				err = withClient(o, func(conn *net.UnixConn) error { return leave(conn, index, each) })
				atomic.AddInt64(&left, 1)
			default:
				err = withClient(o, func(conn *net.UnixConn) error { return echoed(conn, index, each) })
				atomic.AddInt64(&total, each)
			}
			if err != nil {
				faults.set(fmt.Errorf("client %d: %v", index, err))
			}
		}(index)
	}
	running.Wait()
	if err := faults.get(); err != nil {
		return err
	}
	fmt.Printf("clients streams=%d bytes=%d resets=%d left=%d\n", o.streams, total, resets, left)
	return nil
}

func withClient(o options, talk func(*net.UnixConn) error) error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: o.socket, Net: "unix"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if o.preamble != "" {
		if _, err := io.WriteString(conn, strings.ReplaceAll(o.preamble, `\n`, "\n")); err != nil {
			return err
		}
		var answer [3]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil || string(answer[:]) != "OK\n" {
			return fmt.Errorf("the proxy's answer is %q, %v", answer, err)
		}
	}
	return talk(conn)
}

func echoed(conn *net.UnixConn, index int, count int64) error {
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, "echo\n")
		if err == nil {
			err = writeText(conn, uint32(index), count)
		}
		if err == nil {
			err = conn.CloseWrite()
		}
		written <- err
	}()
	if err := readText(conn, uint32(index), count); err != nil {
		return err
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("after the last byte: %d bytes and %v, not the end", n, err)
	}
	return <-written
}

// beReset ends early, and says nothing of how: a UNIX socket cannot tell a reset from an end.
func beReset(conn *net.UnixConn, index int, count int64) error {
	go func() {
		_, _ = io.WriteString(conn, "reset\n")
		_ = writeText(conn, uint32(index), count)
	}()
	received, _ := io.Copy(io.Discard, conn)
	if received >= count {
		return fmt.Errorf("%d bytes came on a stream that was to be reset", received)
	}
	return nil
}

func leave(conn *net.UnixConn, index int, count int64) error {
	_, err := io.WriteString(conn, "echo\n")
	if err == nil {
		err = writeText(conn, uint32(index), min(count/2, 64<<10))
	}
	// When this comes back, the stream is there; most of the rest is on its way.
	if err == nil {
		err = readText(conn, uint32(index), 1)
	}
	return err
}

// serveEchoes echoes whatever comes to a UNIX socket, half-closes included, until the program ends.
func serveEchoes(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.CopyBuffer(onlyWriter{conn}, onlyReader{conn}, make([]byte, piece))
				conn.Close()
			}()
		}
	}()
	return nil
}
