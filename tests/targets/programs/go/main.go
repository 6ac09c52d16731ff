// Two Go libraries in a use that leaks and one that does not: `programs ADDRESS leak|fixed`.
package main

import (
	"fmt"
	"io"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"time"

	"github.com/gorilla/context"
	"github.com/hashicorp/golang-lru/v2/expirable"
)

var shared = expirable.NewLRU[string, string](100, nil, time.Minute)

func main() {
	leak := os.Args[2] == "leak"
	http.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) { rememberUser(w, r, leak) })
	http.HandleFunc("/quote", func(w http.ResponseWriter, _ *http.Request) { quote(w, leak) })
	http.HandleFunc("/other", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	http.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n# TYPE go_memstats_heap_alloc_bytes gauge\n"+
			"go_memstats_heap_alloc_bytes %d\n# TYPE go_memstats_next_gc_bytes gauge\ngo_memstats_next_gc_bytes %d\n",
			runtime.NumGoroutine(), memory.HeapAlloc, memory.NextGC)
	})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("listening on http://%s\n", os.Args[1])
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Args[1], nil))
}

// gorilla/context keeps what is set for a request until Clear is called; nothing else ever does.
func rememberUser(w http.ResponseWriter, r *http.Request, leak bool) {
	leak = leak && os.Getenv("LEAK") == "user"
	context.Set(r, "user", make([]byte, 2048))
	if !leak {
		defer context.Clear(r)
	}
	io.WriteString(w, "ok\n")
}

// An expirable LRU with a time to live starts a goroutine that nothing can stop.
func quote(w http.ResponseWriter, leak bool) {
	quotes := shared
	if leak && os.Getenv("LEAK") == "quote" {
		quotes = expirable.NewLRU[string, string](100, nil, time.Minute)
	}
	quotes.Add("k", "v")
	io.WriteString(w, "ok\n")
}
