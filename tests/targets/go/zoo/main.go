// A service that strands goroutines in one way of many: `zoo -leak blocked-send`. Every other kind's handler is the fixed one.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
)

func main() {
	leak := flag.String("leak", "none", "the kind that leaks; none leaks nothing")
	address := flag.String("addr", "127.0.0.1:0", "where to listen")
	untilEOF := flag.Bool("until-eof", false, "end when standard input does")
	flag.Parse()
	if _, known := kinds[*leak]; !known && *leak != "none" {
		fmt.Fprintf(os.Stderr, "zoo: no kind %q\n", *leak)
		os.Exit(2)
	}
	for name, each := range kinds {
		run := each.fixed
		if name == *leak {
			run = each.leak
		}
		http.HandleFunc("/"+name, handler(run))
	}
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	})
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *untilEOF {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}

func handler(run func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		run()
		io.WriteString(w, "ok\n")
	}
}
