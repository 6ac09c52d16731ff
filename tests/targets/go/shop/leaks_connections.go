package main

import (
	"bytes"
	"database/sql"
	"net"
	"net/http"
	"time"
)

// firstTariffUnclosed reads one row of three and returns: rows that are neither read to their end nor closed keep their connection.
func (s *shop) firstTariffUnclosed() (price int, err error) {
	rows, err := s.pool.Query(tariffs)
	if err != nil {
		return 0, err
	}
	rows.Next()
	return price, rows.Scan(&price)
}

// tariffUncommitted leaves its transaction open, and with it the connection.
func (s *shop) tariffUncommitted() (price int, err error) {
	transaction, err := s.pool.Begin()
	if err != nil {
		return 0, err
	}
	return price, transaction.QueryRow("SELECT 490").Scan(&price)
}

// tariffFromNewPool opens a pool a request, as if sql.Open were a connection, and closes none.
func (s *shop) tariffFromNewPool() (price int, err error) {
	pool, err := sql.Open("pgx", s.database)
	if err != nil {
		return 0, err
	}
	return price, pool.QueryRow("SELECT 490").Scan(&price)
}

var carrierClient = &http.Client{
	Transport: &http.Transport{MaxIdleConns: 4, MaxIdleConnsPerHost: 4},
	Timeout:   0, // a timeout would end the leaked bodies
}

// startCarrier serves, in this process, what the shop asks over HTTP.
func (s *shop) startCarrier() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.carrier = "http://" + listener.Addr().String() + "/"
	tariff := bytes.Repeat([]byte("parcel\n"), 1200)
	serve := func(w http.ResponseWriter, _ *http.Request) { w.Write(tariff) }
	server := &http.Server{Handler: http.HandlerFunc(serve), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return nil
}

// askCarrier closes the body of its answer, or not: then both ends of the connection stay open, and their goroutines.
func (s *shop) askCarrier() error {
	response, err := carrierClient.Get(s.carrier)
	if err != nil {
		return err
	}
	if s.leaking("body") {
		return nil
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	return err
}
