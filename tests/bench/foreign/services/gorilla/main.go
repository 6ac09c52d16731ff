// Sessions of gorilla/sessions 1.1.1 behind net/http's own mux. Its documentation: who does not use gorilla/mux and does not wrap
// handlers in context.ClearHandler leaks memory. `gorilla -addr 127.0.0.1:8080 [-clear]`.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/gorilla/context"
	"github.com/gorilla/sessions"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	clears := flag.Bool("clear", false, "wrap handlers as the documentation says")
	flag.Parse()
	store := sessions.NewCookieStore([]byte("soak-soak-soak-soak-soak-soak-32"))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	mux.HandleFunc("/visit", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "visit")
		session.Values["seen"] = true
		if err := session.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	var handler http.Handler = mux
	if *clears {
		handler = context.ClearHandler(mux)
	}
	log.Fatal(http.ListenAndServe(*addr, handler))
}
