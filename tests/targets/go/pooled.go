package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// What -pool names is taken from a sync.Pool by its endpoint; all else is made anew for each request. Both ways do the
// same work, so that a comparison of two processes shows what pooling is worth.
var pool = map[string]bool{"decoders": false, "buffers": false, "contexts": false}

// stream decides whether GET /answer is written piece by piece, or built whole first.
var streamed bool

const (
	decodedOrders = 200
	reportLines   = 2000
	scratchSize   = 64 << 10
	answerLine    = 1 << 10
	maxAnswerMB   = 64
)

// usePools takes the value of -pool: names from the table above, separated by commas.
func usePools(names string) error {
	for _, name := range strings.Split(names, ",") {
		if name == "" {
			continue
		}
		if _, known := pool[name]; !known {
			return fmt.Errorf("-pool %s: expected decoders, buffers or contexts", name)
		}
		pool[name] = true
	}
	return nil
}

type order struct {
	ID       int               `json:"id"`
	Product  string            `json:"product"`
	Quantity int               `json:"quantity"`
	Options  map[string]string `json:"options"`
}

// orders is the document that each request to /decode decodes.
var orders = func() []byte {
	list := make([]order, decodedOrders)
	for i := range list {
		list[i] = order{i, fmt.Sprintf("product %d", i), i % 9, map[string]string{"colour": "blue"}}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return text
}()

// decoder is what decoding needs: a reader, a buffer for the document and the list it is decoded into.
type decoder struct {
	body bytes.Buffer
	list []order
}

var decoders = sync.Pool{New: func() any { return &decoder{list: make([]order, 0, decodedOrders)} }}

// decode reads a JSON document into a list.
func decode(w http.ResponseWriter, _ *http.Request) {
	work := &decoder{}
	if pool["decoders"] {
		work = decoders.Get().(*decoder)
		defer decoders.Put(work)
	}
	work.body.Reset()
	work.body.Write(orders)
	work.list = work.list[:0]
	if err := json.NewDecoder(&work.body).Decode(&work.list); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%d orders\n", len(work.list))
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// report builds some 100 KiB of text in a buffer, and answers with its size.
func report(w http.ResponseWriter, _ *http.Request) {
	text := new(bytes.Buffer)
	if pool["buffers"] {
		text = buffers.Get().(*bytes.Buffer)
		defer buffers.Put(text)
	}
	text.Reset()
	for i := range reportLines {
		text.WriteString("line ")
		text.Write(strconv.AppendInt(text.AvailableBuffer(), int64(i), 10))
		text.WriteString(" of a report that is built in memory\n")
	}
	fmt.Fprintf(w, "%d bytes\n", text.Len())
}

// scratch is what a request carries through its handlers: a context of its own with 64 KiB to work in.
type scratch struct {
	values map[string]string
	room   []byte
}

type scratchKey struct{}

var scratches = sync.Pool{New: func() any { return newScratch() }}

func newScratch() *scratch {
	return &scratch{make(map[string]string, 64), make([]byte, scratchSize)}
}

// contexts passes a request's scratch through five layers of handlers by its context.
func contexts(w http.ResponseWriter, r *http.Request) {
	work := (*scratch)(nil)
	if pool["contexts"] {
		work = scratches.Get().(*scratch)
		defer scratches.Put(work)
		clear(work.values)
	} else {
		work = newScratch()
	}
	ctx := context.WithValue(r.Context(), scratchKey{}, work)
	for layer := range 5 {
		ctx = context.WithValue(ctx, layer, layer)
		found := ctx.Value(scratchKey{}).(*scratch)
		found.values[strconv.Itoa(layer)] = r.URL.Path
		found.room[layer] = byte(layer)
	}
	fmt.Fprintf(w, "%d layers\n", len(work.values))
}

// answer sends ?mb= MiB of text (1 to 64): built whole first, or line by line with -stream.
func answer(w http.ResponseWriter, r *http.Request) {
	mb, err := strconv.Atoi(r.URL.Query().Get("mb"))
	if err != nil || mb < 1 || mb > maxAnswerMB {
		http.Error(w, fmt.Sprintf("mb must be a whole number from 1 to %d", maxAnswerMB), http.StatusBadRequest)
		return
	}
	line := bytes.Repeat([]byte("x"), answerLine-1)
	line = append(line, '\n')
	w.Header().Set("Content-Type", "text/plain")
	var out io.Writer = w
	whole := new(bytes.Buffer)
	if !streamed {
		out = whole
	}
	for range mb << 10 {
		if _, err := out.Write(line); err != nil {
			return
		}
	}
	if !streamed {
		w.Write(whole.Bytes())
	}
}
