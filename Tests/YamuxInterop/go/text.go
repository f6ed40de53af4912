package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"time"

	"github.com/hashicorp/yamux"
)

const piece = 64 << 10

// text is what all streams say, each from a place of its own. Its period is a prime, so that bytes which are lost or doubled
// show.
const period = 65521

var text = func() []byte {
	once := make([]byte, period)
	rand.New(rand.NewSource(1)).Read(once)
	return bytes.Repeat(once, 3)
}()

func textAt(stream uint32, offset int64, count int) []byte {
	start := (int64(stream)*331 + offset) % period
	return text[start : start+int64(count)]
}

func (p *peer) writeText(stream *yamux.Stream, count int64) error {
	return writeText(stream, stream.StreamID(), count)
}

func writeText(stream io.Writer, id uint32, count int64) error {
	for offset := int64(0); offset < count; {
		n, err := stream.Write(textAt(id, offset, int(min(piece, count-offset))))
		offset += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

func readText(stream io.Reader, id uint32, count int64) error {
	buffer := make([]byte, piece)
	pause := time.Millisecond
	for offset := int64(0); offset < count; {
		n, err := stream.Read(buffer[:min(piece, count-offset)])
		if !bytes.Equal(buffer[:n], textAt(id, offset, n)) {
			return fmt.Errorf("the %d bytes from %d on are not what was sent", n, offset)
		}
		offset += int64(n)
		if n > 0 {
			pause = time.Millisecond
		}
		if err == io.EOF && offset < count {
			// Debian's version says so whenever nothing is there on a stream that we have finished. Ask again; the
			// timeout ends what has really ended too early.
			time.Sleep(pause)
			pause = time.Duration(min(int64(2*pause), int64(16*time.Millisecond)))
		} else if err != nil && offset < count {
			return fmt.Errorf("after %d of %d bytes: %v", offset, count, err)
		}
	}
	return nil
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}
