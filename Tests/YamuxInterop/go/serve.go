package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

type peer struct {
	options options
	session *yamux.Session
	conn    *framedConn
	// Streams that were reset by us because the client asked for it.
	ordered int64
	// Streams on which the proxy follows the boot.
	followers int64
}

// serve echoes each stream until its end, and then ends it, until the peer leaves.
func (p *peer) serve() error {
	var streams, bytes, resets int64
	var faults firstFault
	var open sync.WaitGroup
	for {
		time.Sleep(p.options.acceptDelay)
		stream, err := p.session.AcceptStream()
		if err != nil {
			break
		}
		streams++
		open.Add(1)
		go func() {
			defer open.Done()
			count, err := p.echo(stream)
			atomic.AddInt64(&bytes, count)
			switch {
			case err == yamux.ErrConnectionReset:
				atomic.AddInt64(&resets, 1)
			case err != nil && !p.session.IsClosed():
				faults.set(fmt.Errorf("stream %d: %v", stream.StreamID(), err))
			}
		}()
	}
	open.Wait()
	fmt.Printf("served streams=%d bytes=%d resets=%d\n", streams-p.followers, bytes, resets+p.ordered)
	return faults.get()
}

func (p *peer) echo(stream *yamux.Stream) (int64, error) {
	defer stream.Close()
	if p.options.service != "" {
		kind, name, err := readFrame(stream)
		if err != nil {
			return 0, err
		}
		if kind == frameOpen && name == "events" && p.options.hello == "agent" {
			atomic.AddInt64(&p.followers, 1)
			return 0, p.reportReady(stream)
		}
		if kind != frameOpen || name != p.options.service {
			return 0, writeFrame(stream, frameRefused, "no service '"+name+"' here")
		}
		if err := writeFrame(stream, frameAccepted, ""); err != nil {
			return 0, err
		}
		if reset, err := p.readOrder(stream); err != nil || reset {
			return 0, err
		}
	}
	return io.CopyBuffer(onlyWriter{stream}, onlyReader{stream}, make([]byte, piece))
}

// reportReady tells the proxy that the guest has booted, and nothing more until the end.
func (p *peer) reportReady(stream *yamux.Stream) error {
	if err := writeFrame(stream, frameAccepted, ""); err != nil {
		return err
	}
	// The state is ready, the uptime 1 us, and a detail.
	if err := writeFrame(stream, frameBoot, "\x01\x00\x00\x00\x00\x00\x00\x00\x01interop"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, onlyReader{stream})
	return err
}

// readOrder reads the line that a client behind the proxy sends first, and resets the stream where it says so.
func (p *peer) readOrder(stream *yamux.Stream) (bool, error) {
	line := make([]byte, 0, 16)
	for len(line) < cap(line) && !strings.HasSuffix(string(line), "\n") {
		n, err := stream.Read(line[len(line) : len(line)+1])
		line = line[:len(line)+n]
		if err != nil {
			return false, err
		}
	}
	switch string(line) {
	case "echo\n":
		return false, nil
	case "reset\n":
		atomic.AddInt64(&p.ordered, 1)
		return true, p.conn.reset(stream.StreamID())
	default:
		return false, fmt.Errorf("the client's first line is %q", line)
	}
}

// Without the methods that io.Copy would rather use.
type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

// firstFault keeps the first of many goroutines' errors.
type firstFault struct {
	lock sync.Mutex
	err  error
}

func (f *firstFault) set(err error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstFault) get() error {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.err
}
