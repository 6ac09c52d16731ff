// A cache of 1,000 entries of 4 KiB, whose keys are drawn at random: bounded, and long in filling. `filling -addr 127.0.0.1:8080`.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	var lock sync.Mutex
	entries := map[int][]byte{}
	http.Handle("/metrics", promhttp.Handler())
	http.HandleFunc("/cached", func(w http.ResponseWriter, _ *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		key := rand.IntN(1000)
		if entries[key] == nil {
			entries[key] = make([]byte, 4096)
		}
		_, _ = fmt.Fprintln(w, len(entries[key]))
	})
	http.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) {
		lines := make([]string, 100)
		for i := range lines {
			lines[i] = fmt.Sprintf("line %d", i)
		}
		_, _ = fmt.Fprintln(w, lines)
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}
