package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const (
	streamLines  = 200
	echoLimit    = 1 << 20
	cacheEntries = 256
	cacheEntry   = 4 << 10
)

type item struct {
	ID    int               `json:"id"`
	Name  string            `json:"name"`
	Tags  []string          `json:"tags"`
	Attrs map[string]string `json:"attrs"`
}

// healthy builds and encodes a list: tens of KiB of garbage a request, and nothing kept.
func healthy(w http.ResponseWriter, _ *http.Request) {
	items := make([]item, 50)
	for i := range items {
		items[i] = item{
			ID:    i,
			Name:  fmt.Sprintf("item number %d", i),
			Tags:  []string{"new", fmt.Sprintf("shelf-%d", i%7)},
			Attrs: map[string]string{"colour": "blue", "size": fmt.Sprint(i % 5)},
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(items)
}

// constant says the same few bytes each time: what a load generator is measured against.
func constant(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "constant\n")
}

// stream writes line by line, so that the answer is never held whole.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	for i := range streamLines {
		if r.Context().Err() != nil {
			return
		}
		fmt.Fprintf(w, "line %d of %d\n", i+1, streamLines)
	}
}

// echo answers with the body it was sent, up to 1 MiB.
func echo(w http.ResponseWriter, r *http.Request) {
	io.Copy(w, http.MaxBytesReader(w, r.Body, echoLimit))
}

var cache struct {
	sync.Mutex
	entries [cacheEntries][]byte
	next    int
}

// boundedCache keeps 4 KiB a request until 1 MiB is kept, and from then on replaces the oldest: growth that ends.
func boundedCache(w http.ResponseWriter, _ *http.Request) {
	cache.Lock()
	cache.entries[cache.next%cacheEntries] = make([]byte, cacheEntry)
	cache.next++
	kept := min(cache.next, cacheEntries)
	cache.Unlock()
	fmt.Fprintf(w, "%d entries kept\n", kept)
}
