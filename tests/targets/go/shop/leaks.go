package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	pageBytes   = 16 << 10
	auditBytes  = 4 << 10
	nativeBytes = 64 << 10
	churnBytes  = 1 << 20
	never       = 24 * time.Hour
)

var (
	mu       sync.Mutex
	searches = map[string][]byte{}
	audit    [][]byte
	onStop   []func() int
	opened   []*os.File
	garbage  []byte
)

// fill writes every page, so that it is resident and not only reserved.
func fill(page []byte) []byte {
	for i := range page {
		page[i] = byte(i)
	}
	return page
}

// rememberSearch keeps each result under a key that never comes again: a cache without a bound.
func rememberSearch(text string) {
	page := fill(make([]byte, pageBytes))
	mu.Lock()
	searches[fmt.Sprintf("%s-%d", text, len(searches))] = page
	mu.Unlock()
}

// appendAudit keeps a page an order in a list that nothing shortens.
func appendAudit() {
	page := fill(make([]byte, pageBytes))
	mu.Lock()
	audit = append(audit, page)
	mu.Unlock()
}

// audited is middleware whose closure for the end of the service holds a buffer of each request, on every endpoint.
func (s *shop) audited(next http.HandlerFunc) http.HandlerFunc {
	if !s.leaking("middleware") {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		copied := fill(make([]byte, auditBytes))
		mu.Lock()
		onStop = append(onStop, func() int { return len(copied) })
		mu.Unlock()
		next(w, r)
	}
}

// expireLater has a timer, nowhere near its end, hold the page that it will expire.
func expireLater() {
	page := fill(make([]byte, pageBytes))
	time.AfterFunc(never, func() { page[0] = 0 })
}

type requestKey struct{}

// watchRequest derives a context from the service's own and forgets to cancel it: the parent keeps each child, and what it carries.
func (s *shop) watchRequest(*http.Request) {
	page := fill(make([]byte, pageBytes))
	ctx, _ := context.WithCancel(context.WithValue(s.ctx, requestKey{}, page))
	_ = ctx
}

// watchStock starts a goroutine that waits for a context that nobody cancels.
func watchStock() {
	ctx, _ := context.WithCancel(context.Background())
	go awaitCancel(ctx)
}

func awaitCancel(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(never):
	}
}

// keepOpen stops even the garbage collector from closing the file.
func keepOpen(file *os.File) {
	mu.Lock()
	opened = append(opened, file)
	mu.Unlock()
}

// mapPages takes memory from the system that Go knows nothing of.
func mapPages() {
	pages, err := syscall.Mmap(-1, 0, nativeBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		fill(pages)
	}
}

// churn makes garbage, and keeps none of it but the last.
func churn() {
	for range 8 {
		page := fill(make([]byte, churnBytes))
		mu.Lock()
		garbage = page
		mu.Unlock()
	}
}

// wholeExport builds in memory what could have been streamed.
func wholeExport(mb int) []byte {
	var whole bytes.Buffer
	piece := make([]byte, exportChunk)
	for range mb << 20 / exportChunk {
		whole.Write(piece)
	}
	return whole.Bytes()
}
