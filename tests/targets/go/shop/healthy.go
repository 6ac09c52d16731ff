package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
)

const (
	listed      = 50
	recent      = 64
	exportChunk = 32 << 10
	exportMax   = 100
)

type shop struct {
	ctx      context.Context
	leaks    []string
	database string
	pool     *sql.DB
	carrier  string

	mu     sync.Mutex
	recent [recent]string // a bounded cache: the newest replaces the oldest
	next   int
}

func (s *shop) leaking(leak string) bool {
	return slices.Contains(s.leaks, leak)
}

type order struct {
	ID       int    `json:"id"`
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// product asks the database for one row.
func (s *shop) product(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(path.Base(r.URL.Path))
	if err != nil {
		http.Error(w, "no such product", http.StatusNotFound)
		return
	}
	var name string
	if err := s.pool.QueryRowContext(r.Context(), "SELECT 'product ' || $1::int", id).Scan(&name); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, order{ID: id, Product: name})
}

func (s *shop) orders(w http.ResponseWriter, r *http.Request) {
	if s.leaking("request-context") {
		s.watchRequest(r)
	}
	orders := make([]order, listed)
	for i := range orders {
		orders[i] = order{i, fmt.Sprintf("product %d", i*7%200), 1 + i%3}
	}
	answer(w, orders)
}

func (s *shop) placeOrder(w http.ResponseWriter, r *http.Request) {
	var placed order
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&placed); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case s.leaking("slice"):
		appendAudit()
	case s.leaking("timer"):
		expireLater()
	}
	w.WriteHeader(http.StatusCreated)
	answer(w, placed)
}

func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("q")
	s.mu.Lock()
	s.recent[s.next%recent] = text
	s.next++
	s.mu.Unlock()
	switch {
	case s.leaking("map"):
		rememberSearch(text)
	case s.leaking("native"):
		mapPages()
	case s.leaking("churn"):
		churn()
	}
	answer(w, []order{{1, text, 1}, {2, text + " 2", 2}})
}

// stock asks a goroutine, and takes its reply.
func (s *shop) stock(w http.ResponseWriter, r *http.Request) {
	replies := make(chan int)
	switch {
	case s.leaking("channel"):
		go countStock(replies) // nobody receives
		answer(w, "later")
		return
	case s.leaking("context"):
		watchStock()
	}
	go countStock(replies)
	answer(w, <-replies)
}

func countStock(replies chan<- int) {
	replies <- 42
}

func (s *shop) invoice(w http.ResponseWriter, _ *http.Request) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if s.leaking("file") {
		keepOpen(file)
	} else {
		defer file.Close()
	}
	answer(w, file.Name())
}

// shipping looks at the first of three tariffs, and asks the carrier.
func (s *shop) shipping(w http.ResponseWriter, _ *http.Request) {
	price, err := s.tariff()
	if err == nil {
		err = s.askCarrier()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, price)
}

const tariffs = "SELECT 490 + 100 * n FROM generate_series(1, 3) AS n"

func (s *shop) tariff() (price int, err error) {
	switch {
	case s.leaking("rows"):
		return s.firstTariffUnclosed()
	case s.leaking("transaction"):
		return s.tariffUncommitted()
	case s.leaking("reopen"):
		return s.tariffFromNewPool()
	}
	rows, err := s.pool.Query(tariffs)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&price)
	}
	return price, err
}

// export answers ?mb= MiB, in small pieces unless the leak is to build it whole.
func (s *shop) export(w http.ResponseWriter, r *http.Request) {
	mb, err := strconv.Atoi(r.URL.Query().Get("mb"))
	if err != nil || mb < 1 || mb > exportMax {
		http.Error(w, "mb must be from 1 to 100", http.StatusBadRequest)
		return
	}
	if s.leaking("buffered") {
		w.Write(wholeExport(mb))
		return
	}
	piece := make([]byte, exportChunk)
	for range mb << 20 / exportChunk {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
