// Command leaky is a service for soak's tests that leaks on request, with nothing but the standard library.
//
// Endpoints that stay healthy under any traffic: /healthy, /constant, /stream, /echo, /cache/bounded, and /decode, /report,
// /contexts and /answer, which -pool and -stream make cheaper: what two processes are compared by. Endpoints that
// leak, each one thing a request: /leak/memory, /leak/goroutine, /leak/descriptor. What it tells about itself: /debug/pprof/ and
// /debug/vars (expvar's memstats).
package main

import (
	"context"
	_ "expvar" // registers /debug/vars
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof" // registers /debug/pprof/
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "loopback address to listen on; port 0 takes any free one")
	pools := flag.String("pool", "", "what to pool: decoders, buffers, contexts, separated by commas")
	flag.BoolVar(&streamed, "stream", false, "write /answer piece by piece, and not built whole")
	flag.Parse()
	if err := usePools(*pools); err != nil {
		log.Fatal(err)
	}
	if err := run(*addr); err != nil {
		log.Fatal(err)
	}
}

func run(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		listener.Close()
		return fmt.Errorf("%s is not a loopback address", addr)
	}

	http.HandleFunc("GET /healthy", healthy)
	http.HandleFunc("GET /constant", constant)
	http.HandleFunc("GET /stream", stream)
	http.HandleFunc("POST /echo", echo)
	http.HandleFunc("GET /cache/bounded", boundedCache)
	http.HandleFunc("GET /decode", decode)
	http.HandleFunc("GET /report", report)
	http.HandleFunc("GET /contexts", contexts)
	http.HandleFunc("GET /answer", answer)
	http.HandleFunc("GET /leak/memory", leakMemory)
	http.HandleFunc("GET /leak/goroutine", leakGoroutine)
	http.HandleFunc("GET /leak/descriptor", leakDescriptor)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("listening on http://%s\n", listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return server.Shutdown(drain)
}
