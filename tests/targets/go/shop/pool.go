package main

import (
	"context"
	"database/sql"
	"net/http"
	"slices"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx with database/sql
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	poolSize    = 10
	leakyMax    = 500 // leaks of connections want room to be seen in
	oversize    = 500 // more than the server would ever grant
	burst       = 60
	idleTimeout = 5 * time.Minute
)

// openPool opens every connection the healthy pool will ever have, so that no descriptor comes later.
func openPool(ctx context.Context, url string, leaks []string) (*sql.DB, error) {
	pool, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	size := poolSize
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	pool.SetConnMaxIdleTime(idleTimeout)
	has := func(leak string) bool { return slices.Contains(leaks, leak) }
	switch {
	case has("rows") || has("transaction"):
		pool.SetMaxOpenConns(leakyMax)
	case has("pool-large"):
		pool.SetMaxOpenConns(oversize)
		pool.SetMaxIdleConns(oversize)
	case has("idle-kept"): // one burst at the start, and its connections stay for good
		size = burst
		pool.SetMaxOpenConns(burst)
		pool.SetMaxIdleConns(burst)
		pool.SetConnMaxIdleTime(0)
	}
	opened := make([]*sql.Conn, size)
	for i := range opened {
		if opened[i], err = pool.Conn(ctx); err != nil {
			return nil, err
		}
	}
	for _, one := range opened {
		one.Close()
	}
	return pool, nil
}

// metrics are what the Go client gives by default, and the pool's.
func metrics(pool *sql.DB, runtime bool) http.Handler {
	registry := prometheus.NewRegistry()
	goCollector := collectors.NewGoCollector()
	if runtime {
		goCollector = collectors.NewGoCollector(
			collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsGC, collectors.MetricsMemory))
	}
	registry.MustRegister(
		goCollector,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool, "shop"),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
