package main

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
)

// A route's path ends in {id} where the last segment varies.
type route struct {
	method, path string
	handler      http.HandlerFunc
}

func (s *shop) routes() []route {
	return []route{
		{"GET", "/products/{id}", s.product},
		{"GET", "/orders", s.orders},
		{"POST", "/orders", s.placeOrder},
		{"GET", "/search", s.search},
		{"GET", "/stock/{id}", s.stock},
		{"GET", "/invoices/latest", s.invoice},
		{"GET", "/shipping/{id}", s.shipping},
		{"GET", "/export", s.export},
	}
}

// handler puts the same handlers behind the router of that name.
func (s *shop) handler(router string) (http.Handler, error) {
	routes := s.routes()
	for i := range routes {
		routes[i].handler = s.audited(routes[i].handler)
	}
	switch router {
	case "std":
		to := http.NewServeMux()
		for _, r := range routes {
			to.HandleFunc(r.method+" "+r.path, r.handler)
		}
		return to, nil
	case "mux":
		to := mux.NewRouter()
		for _, r := range routes {
			to.HandleFunc(r.path, r.handler).Methods(r.method)
		}
		return to, nil
	case "gin":
		gin.SetMode(gin.ReleaseMode)
		to := gin.New()
		for _, r := range routes {
			to.Handle(r.method, colons(r.path), gin.WrapF(r.handler))
		}
		return to, nil
	case "echo":
		to := echo.New()
		for _, r := range routes {
			to.Add(r.method, colons(r.path), echo.WrapHandler(r.handler))
		}
		return to, nil
	}
	return nil, fmt.Errorf("no such router: %s", router)
}

func colons(path string) string {
	const id = "{id}"
	if before := len(path) - len(id); before > 0 && path[before:] == id {
		return path[:before] + ":id"
	}
	return path
}
