// A peer on the original yamux (github.com/hashicorp/yamux, as Debian packages it), for tests of our side:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o yamux-go Tests/YamuxInterop/go/*.go
//	yamux-go -role client -socket PATH -scenario all -streams 1000 -bytes 1073741824 -window 1048576
//
// It connects to a UNIX socket, listens on one, or runs a program at the other end of a socket pair; plays the agent or the
// proxy where there are hellos; and then serves echoes or drives a peer that echoes. See -help, and Tests/YamuxInterop/run.
// Exit code: 0, or 1 with the first fault, or 3 when time is up.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/hashicorp/yamux"
)

type options struct {
	role, scenario           string
	socket                   string
	listen                   bool
	child                    string
	streams, parallel, pings int
	bytes, window            int64
	backlog                  int
	acceptDelay              time.Duration
	hello                    string
	echo, service, preamble  string
	timeout                  time.Duration
	verbose                  bool
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.role, "role", "client", "yamux role: client or server")
	flag.StringVar(&o.scenario, "scenario", "all",
		"serve: echo what arrives until the peer leaves; echo, half-close, reset, ping: drive a peer that echoes; all: these in turn; "+
			"exec: run cat by frames; clients: no yamux, connections to a proxy's socket")
	flag.StringVar(&o.socket, "socket", "", "UNIX socket to connect to")
	flag.BoolVar(&o.listen, "listen", false, "listen on -socket and take one connection")
	flag.StringVar(&o.child, "child", "", "run this program; its standard input and its descriptor 3 are our peer")
	flag.IntVar(&o.streams, "streams", 100, "streams in all, for each scenario")
	flag.IntVar(&o.parallel, "parallel", 0, "streams at once (0: all)")
	flag.Int64Var(&o.bytes, "bytes", 16<<20, "bytes in each direction, over all streams of a scenario")
	flag.IntVar(&o.pings, "pings", 100, "pings in the ping scenario")
	flag.Int64Var(&o.window, "window", 256<<10, "MaxStreamWindowSize: how much a peer may send on a stream")
	flag.IntVar(&o.backlog, "backlog", 256, "AcceptBacklog: streams beyond it are reset")
	flag.DurationVar(&o.acceptDelay, "accept-delay", 0, "wait so long before each accept, so that the backlog fills")
	flag.StringVar(&o.hello, "hello", "", "begin with the hellos of docs/protocol.md, as agent or proxy")
	flag.StringVar(&o.echo, "echo", "", "serve plain echoes at this UNIX socket besides")
	flag.StringVar(&o.service, "open", "", "begin each stream with an open frame for this service, and expect accepted; serve: answer it")
	flag.StringVar(&o.preamble, "preamble", "", "send this first on each stream; it is not echoed (\\n is a newline)")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "give up after this time")
	flag.BoolVar(&o.verbose, "v", false, "show the library's own log")
	flag.Parse()
	return o
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("yamux-go: ")
	o := parseOptions()
	time.AfterFunc(o.timeout, func() {
		log.Printf("not done after %v", o.timeout)
		os.Exit(3)
	})
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	if o.scenario == "clients" {
		return runClients(o)
	}
	if o.echo != "" {
		if err := serveEchoes(o.echo); err != nil {
			return err
		}
	}
	conn, child, err := connect(o)
	if err != nil {
		return err
	}
	framed := &framedConn{Conn: conn}
	config := yamux.DefaultConfig()
	config.MaxStreamWindowSize = uint32(o.window)
	config.AcceptBacklog = o.backlog
	config.ConnectionWriteTimeout = o.timeout
	if !o.verbose {
		config.LogOutput = discard{}
	}
	var session *yamux.Session
	if o.role == "server" {
		session, err = yamux.Server(framed, config)
	} else {
		session, err = yamux.Client(framed, config)
	}
	if err != nil {
		return err
	}
	peer := &peer{options: o, session: session, conn: framed}
	if o.scenario == "serve" {
		return peer.serve()
	}
	scenarios := []string{o.scenario}
	if o.scenario == "all" {
		scenarios = []string{"ping", "echo", "half-close", "reset"}
	}
	for _, name := range scenarios {
		start := time.Now()
		summary, err := peer.drive(name)
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		fmt.Printf("%s %s seconds=%.3f\n", name, summary, time.Since(start).Seconds())
	}
	if err := session.Close(); err != nil || child == nil {
		return err
	}
	return child.Wait()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
