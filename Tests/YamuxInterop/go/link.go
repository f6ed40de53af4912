package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// connect makes the byte stream, and passes the hellos.
func connect(o options) (net.Conn, *exec.Cmd, error) {
	conn, child, err := dial(o)
	if err != nil {
		return nil, nil, err
	}
	switch o.hello {
	case "":
	case "agent":
		err = greetAsAgent(conn)
	case "proxy":
		err = greetAsProxy(conn)
	default:
		err = fmt.Errorf("-hello %s: agent or proxy", o.hello)
	}
	return conn, child, err
}

func dial(o options) (net.Conn, *exec.Cmd, error) {
	switch {
	case o.child != "":
		return runChild(strings.Fields(o.child))
	case o.socket == "":
		return nil, nil, errors.New("say -socket PATH or -child PROGRAM")
	case o.listen:
		listener, err := net.Listen("unix", o.socket)
		if err != nil {
			return nil, nil, err
		}
		defer listener.Close()
		conn, err := listener.Accept()
		return conn, nil, err
	default:
		conn, err := net.Dial("unix", o.socket)
		return conn, nil, err
	}
}

// runChild runs a program with one end of a socket pair and gives the other.
func runChild(words []string) (net.Conn, *exec.Cmd, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	child := exec.Command(words[0], words[1:]...)
	child.Stdin, child.Stdout, child.Stderr = theirs, os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{theirs}
	// The child does not outlive us, whatever happens.
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := child.Start(); err != nil {
		return nil, nil, err
	}
	conn, err := net.FileConn(ours)
	return conn, child, err
}

// framedConn knows where the frames that the library writes begin, so that others can be put between them: the library
// has no way to reset a stream.
type framedConn struct {
	net.Conn
	lock     sync.Mutex
	bodyLeft int
	between  []byte
}

func (c *framedConn) Write(p []byte) (int, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.bodyLeft > 0 {
		n, err := c.Conn.Write(p)
		c.bodyLeft -= n
		return n, err
	}
	if len(p) != 12 {
		return 0, fmt.Errorf("the library wrote %d bytes where a header begins", len(p))
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	if p[1] == 0 {
		c.bodyLeft = int(binary.BigEndian.Uint32(p[8:]))
	}
	return c.Conn.Write(p)
}

func (c *framedConn) flush() error {
	_, err := c.Conn.Write(c.between)
	c.between = nil
	return err
}

// reset writes a window update with RST for the stream.
func (c *framedConn) reset(stream uint32) error {
	frame := make([]byte, 12)
	frame[1], frame[3] = 1, 8
	binary.BigEndian.PutUint32(frame[4:], stream)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.between = append(c.between, frame...)
	if c.bodyLeft > 0 {
		return nil
	}
	return c.flush()
}
