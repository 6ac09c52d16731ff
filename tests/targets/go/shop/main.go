// Command shop is a service with a database, a router and metrics, as services are; it leaks in one chosen way, or not at all.
//
// Each -leak sits behind one endpoint and costs the same with every request to it; tests/targets/known.py says what and where.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof" // registers /debug/pprof/ with http.DefaultServeMux
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

var leaks = []string{
	"none", "map", "slice", "middleware", "timer", "request-context", "channel", "context", "body", "file", "native",
	"rows", "transaction", "reopen", "pool-large", "idle-kept", "churn", "buffered",
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "loopback address to listen on; port 0 takes any free one")
	leak := flag.String("leak", "none", strings.Join(leaks, ", ")+"; several at once with a + between them")
	router := flag.String("router", "std", "std, mux, gin or echo")
	database := flag.String("database", "", "postgresql://… (required)")
	runtime := flag.Bool("runtime-metrics", false, "add go_gc_* and go_memory_classes_*, which the Go client has on request")
	untilEOF := flag.Bool("until-eof", false, "end when standard input does, so that no service outlives its parent")
	flag.Parse()
	chosen := strings.Split(*leak, "+")
	for _, one := range chosen {
		if !slices.Contains(leaks, one) {
			log.Fatalf("no such leak: %s", one)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if *untilEOF {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	if err := run(ctx, *addr, chosen, *router, *database, *runtime); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string, leaks []string, router, database string, runtime bool) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", addr)
	}
	pool, err := openPool(ctx, database, leaks)
	if err != nil {
		return err
	}
	defer pool.Close()
	shop := &shop{ctx: ctx, leaks: leaks, database: database, pool: pool}
	if err := shop.startCarrier(); err != nil {
		return err
	}
	routed, err := shop.handler(router)
	if err != nil {
		return err
	}
	outer := http.NewServeMux()
	outer.Handle("/", routed)
	outer.Handle("/metrics", metrics(pool, runtime))
	outer.Handle("/debug/pprof/", http.DefaultServeMux)
	outer.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })

	server := &http.Server{Handler: outer, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("listening on http://%s\n", listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(drain) != nil {
		server.Close()
	}
	os.Exit(0) // and not pool.Close, which would wait for what the pool leaks never give back
	return nil
}
