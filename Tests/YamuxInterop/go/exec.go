package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// What a client of exec may have on the way to a command, and the data of one frame.
const (
	inputAllowance = 192 << 10
	framePayload   = 32 << 10
)

// exec runs cat on a stream of its own: count bytes go through it by frames, and it ends with code 0.
func (p *peer) exec(count int64) (int64, error) {
	stream, err := p.session.OpenStream()
	if err != nil {
		return 0, err
	}
	id := stream.StreamID()
	fail := func(what string, err error) (int64, error) { return 0, fmt.Errorf("stream %d: %s: %v", id, what, err) }
	if err := openService(stream, "exec"); err != nil {
		return fail("open", err)
	}
	// One argument, in a field of tag 1.
	if err := writeFrame(stream, frameCommand, "\x01\x00\x00\x00\x03cat"); err != nil {
		return fail("command", err)
	}
	taken := make(chan int64, 1024)
	written := make(chan error, 1)
	over := make(chan struct{})
	defer close(over)
	go func() {
		room := int64(inputAllowance)
		for offset := int64(0); offset < count; {
			for room == 0 {
				select {
				case more := <-taken:
					room += more
				case <-over:
					return
				}
			}
			n := min(min(framePayload, room), count-offset)
			if err := writeFrame(stream, frameStandardInput, string(textAt(id, offset, int(n)))); err != nil {
				written <- err
				return
			}
			offset, room = offset+n, room-n
		}
		written <- writeFrame(stream, frameEndOfInput, "")
	}()
	for received := int64(0); ; {
		kind, payload, err := readFrame(stream)
		if err != nil {
			return fail("read", err)
		}
		switch kind {
		case frameStarted:
		case frameInputTaken:
			taken <- int64(binary.BigEndian.Uint32([]byte(payload)))
		case frameStandardOutput:
			if received+int64(len(payload)) > count || !bytes.Equal([]byte(payload), textAt(id, received, len(payload))) {
				return fail("output", fmt.Errorf("the %d bytes from %d on are not what was sent", len(payload), received))
			}
			received += int64(len(payload))
		case frameEnded:
			if payload != "\x00\x00" || received != count {
				return fail("ended", fmt.Errorf("%q after %d of %d bytes", payload, received, count))
			}
			if err := <-written; err != nil {
				return fail("write", err)
			}
			return count, stream.Close()
		default:
			return fail("read", fmt.Errorf("frame %#x %q", kind, payload))
		}
	}
}
