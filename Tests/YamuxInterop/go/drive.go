package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// drive runs one scenario against a peer that echoes, and says in a few words what was done.
func (p *peer) drive(name string) (string, error) {
	if name == "ping" {
		return p.ping()
	}
	if name != "echo" && name != "half-close" && name != "reset" && name != "exec" {
		return "", fmt.Errorf("there is no such scenario")
	}
	parallel := p.options.parallel
	if parallel <= 0 {
		parallel = p.options.streams
	}
	abandoned := p.session.NumStreams()
	each := p.options.bytes / int64(p.options.streams)
	var total, resets int64
	var faults firstFault
	var running sync.WaitGroup
	places := make(chan struct{}, parallel)
	for index := 0; index < p.options.streams && faults.get() == nil; index++ {
		places <- struct{}{}
		running.Add(1)
		go func(index int) {
			defer running.Done()
			defer func() { <-places }()
			resetAfter := int64(-1)
			if name == "reset" && index%3 == 1 {
				resetAfter = each / 2
				atomic.AddInt64(&resets, 1)
			}
			var count int64
			var err error
			if name == "exec" {
				count, err = p.exec(each)
			} else {
				count, err = p.converse(each, name == "half-close", resetAfter)
			}
			atomic.AddInt64(&total, count)
			if err != nil {
				faults.set(err)
			}
		}(index)
	}
	running.Wait()
	if err := faults.get(); err != nil {
		return "", err
	}
	// The library goes on counting the streams that were reset behind its back.
	if err := p.awaitStreams(abandoned + int(resets)); err != nil {
		return "", err
	}
	return fmt.Sprintf("streams=%d bytes=%d resets=%d", p.options.streams, total, resets), nil
}

// converse writes and reads back count bytes on a stream of its own.
func (p *peer) converse(count int64, halfClose bool, resetAfter int64) (int64, error) {
	stream, err := p.session.OpenStream()
	if err != nil {
		return 0, err
	}
	id := stream.StreamID()
	fail := func(what string, err error) (int64, error) { return 0, fmt.Errorf("stream %d: %s: %v", id, what, err) }
	if p.options.service != "" {
		if err := openService(stream, p.options.service); err != nil {
			return fail("open", err)
		}
	}
	if p.options.preamble != "" {
		if _, err := io.WriteString(stream, strings.ReplaceAll(p.options.preamble, `\n`, "\n")); err != nil {
			return fail("preamble", err)
		}
	}
	if resetAfter >= 0 {
		if err := p.writeText(stream, resetAfter); err != nil {
			return fail("write", err)
		}
		if err := p.conn.reset(id); err != nil {
			return fail("reset", err)
		}
		// The library does not know: its FIN comes after the RST, and is to be ignored.
		return resetAfter, stream.Close()
	}
	written := make(chan error, 1)
	go func() {
		err := p.writeText(stream, count)
		if err == nil && halfClose {
			err = stream.Close()
		}
		written <- err
	}()
	if err := readText(stream, id, count); err != nil {
		return fail("read", err)
	}
	if err := <-written; err != nil {
		return fail("write", err)
	}
	if halfClose {
		return count, nil
	}
	if err := stream.Close(); err != nil {
		return fail("close", err)
	}
	return count, nil
}

// awaitStreams waits until the peer has finished all streams but count.
func (p *peer) awaitStreams(count int) error {
	for wait := 0; p.session.NumStreams() > count; wait++ {
		if p.session.IsClosed() {
			return fmt.Errorf("the session ended with %d streams open", p.session.NumStreams())
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (p *peer) ping() (string, error) {
	var longest, sum time.Duration
	for count := 0; count < p.options.pings; count++ {
		took, err := p.session.Ping()
		if err != nil {
			return "", err
		}
		sum += took
		if took > longest {
			longest = took
		}
	}
	return fmt.Sprintf("pings=%d mean=%v longest=%v", p.options.pings, sum/time.Duration(max(1, p.options.pings)), longest), nil
}
