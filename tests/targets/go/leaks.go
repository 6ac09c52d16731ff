package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
)

const (
	defaultKB = 10
	maxKB     = 10 << 10
)

var (
	mu      sync.Mutex
	kept    [][]byte
	opened  []*os.File
	replies = make(chan string)
)

// leakMemory keeps ?kb= KiB (10 by default) a request: a package-level slice is reachable for as long as the process
// lives, and nothing ever shortens it.
func leakMemory(w http.ResponseWriter, r *http.Request) {
	kb := defaultKB
	if text := r.URL.Query().Get("kb"); text != "" {
		asked, err := strconv.Atoi(text)
		if err != nil || asked < 1 || asked > maxKB {
			http.Error(w, fmt.Sprintf("kb must be a whole number from 1 to %d", maxKB), http.StatusBadRequest)
			return
		}
		kb = asked
	}
	page := make([]byte, kb<<10)
	for i := range page {
		page[i] = byte(i) // written, so that it is resident and not only reserved
	}
	mu.Lock()
	kept = append(kept, page)
	count := len(kept)
	mu.Unlock()
	fmt.Fprintf(w, "%d pages kept\n", count)
}

// leakGoroutine starts a goroutine that waits for a reply: nobody sends on the channel and nobody closes it, and without
// a context or a timeout there is no other way out.
func leakGoroutine(w http.ResponseWriter, _ *http.Request) {
	go awaitReply()
	fmt.Fprintln(w, "asked")
}

func awaitReply() {
	<-replies
}

// leakDescriptor opens a file and does not close it. The garbage collector closes an *os.File that nobody can reach;
// this one stays reachable from a package-level slice, so even that does not help.
func leakDescriptor(w http.ResponseWriter, _ *http.Request) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	mu.Lock()
	opened = append(opened, file)
	count := len(opened)
	mu.Unlock()
	fmt.Fprintf(w, "%d files open\n", count)
}
