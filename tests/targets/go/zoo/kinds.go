package main

import (
	"context"
	"io"
	"sync"
	"time"
)

// A kind of GoKer's (Yuan et al., GoBench, CGO 2021): `leak` strands goroutines, `fixed` does the same work and strands none.
type kind struct{ leak, fixed func() }

var kinds = map[string]kind{
	"blocked-send":     {blockedSend, bufferedSend},
	"blocked-receive":  {blockedReceive, answeredReceive},
	"missing-close":    {missingClose, closedRange},
	"double-lock":      {doubleLock, singleLock},
	"lock-order":       {lockOrder, orderedLocks},
	"missing-unlock":   {missingUnlock, deferredUnlock},
	"waitgroup":        {waitGroupShort, waitGroupWhole},
	"select":           {selectWithoutDefault, selectWithDone},
	"context":          {contextNotCancelled, contextCancelled},
	"condition":        {conditionWithoutSignal, conditionSignalled},
	"ticker":           {tickerNotStopped, tickerStopped},
	"pipe":             {pipeNotClosed, pipeClosed},
	"nil-channel":      {nilChannel, madeChannel},
	"two-channels":     {twoChannels, twoBuffered},
	"read-write-locks": {readThenWrite, readOnly},
}

func work() string { return "done" }

func blockedSend() {
	results := make(chan string)
	go sendResult(results)
	select {
	case <-results:
	case <-time.After(time.Microsecond):
	}
}

func sendResult(results chan<- string) {
	time.Sleep(5 * time.Millisecond)
	results <- work()
}

func bufferedSend() {
	results := make(chan string, 1)
	go sendResult(results)
}

func blockedReceive() { go awaitOrder(make(chan string)) }

func awaitOrder(orders <-chan string) { <-orders }

func answeredReceive() {
	orders := make(chan string, 1)
	go awaitOrder(orders)
	orders <- work()
}

func missingClose() {
	rows := make(chan int, 4)
	go drainRows(rows)
	rows <- 1
}

func drainRows(rows <-chan int) {
	for range rows {
	}
}

func closedRange() {
	rows := make(chan int, 4)
	go drainRows(rows)
	rows <- 1
	close(rows)
}

func doubleLock() { go lockTwice(&sync.Mutex{}) }

func lockTwice(lock *sync.Mutex) {
	lock.Lock()
	lock.Lock()
	lock.Unlock()
}

func singleLock() { go lockOnce(&sync.Mutex{}) }

func lockOnce(lock *sync.Mutex) {
	lock.Lock()
	defer lock.Unlock()
}

func lockOrder() {
	var stock, order sync.Mutex
	var both sync.WaitGroup
	both.Add(2)
	go lockPair(&stock, &order, &both)
	go lockPair(&order, &stock, &both)
}

func lockPair(first, second *sync.Mutex, both *sync.WaitGroup) {
	first.Lock()
	both.Done()
	both.Wait()
	second.Lock()
	second.Unlock()
	first.Unlock()
}

func orderedLocks() {
	var stock, order sync.Mutex
	for range 2 {
		go func() {
			stock.Lock()
			defer stock.Unlock()
			order.Lock()
			defer order.Unlock()
		}()
	}
}

func missingUnlock() {
	lock := &sync.Mutex{}
	failEarly(lock)
	go lockOnce(lock)
}

func failEarly(lock *sync.Mutex) {
	lock.Lock()
	if work() != "" {
		return // the error path forgets to unlock
	}
	lock.Unlock()
}

func deferredUnlock() {
	lock := &sync.Mutex{}
	lock.Lock()
	lock.Unlock()
	go lockOnce(lock)
}

func waitGroupShort() {
	var group sync.WaitGroup
	group.Add(2)
	go group.Done()
	go awaitGroup(&group)
}

func awaitGroup(group *sync.WaitGroup) { group.Wait() }

func waitGroupWhole() {
	var group sync.WaitGroup
	group.Add(2)
	go group.Done()
	go group.Done()
	go awaitGroup(&group)
}

func selectWithoutDefault() { go choose(make(chan int), make(chan struct{})) }

func choose(values <-chan int, done <-chan struct{}) {
	select {
	case <-values:
	case <-done:
	}
}

func selectWithDone() {
	done := make(chan struct{})
	go choose(make(chan int), done)
	close(done)
}

func contextNotCancelled() {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	go untilDone(ctx)
}

func untilDone(ctx context.Context) { <-ctx.Done() }

func contextCancelled() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go untilDone(ctx)
}

func conditionWithoutSignal() { go awaitSignal(sync.NewCond(&sync.Mutex{})) }

func awaitSignal(ready *sync.Cond) {
	ready.L.Lock()
	ready.Wait()
	ready.L.Unlock()
}

func conditionSignalled() {
	ready := sync.NewCond(&sync.Mutex{})
	go awaitSignal(ready)
	time.Sleep(2 * time.Millisecond)
	ready.Broadcast()
}

func tickerNotStopped() { go onEachTick(time.NewTicker(time.Hour), make(chan struct{})) }

func onEachTick(ticker *time.Ticker, done <-chan struct{}) {
	for {
		select {
		case <-ticker.C:
		case <-done:
			ticker.Stop()
			return
		}
	}
}

func tickerStopped() {
	done := make(chan struct{})
	go onEachTick(time.NewTicker(time.Hour), done)
	close(done)
}

func pipeNotClosed() {
	reader, writer := io.Pipe()
	_ = writer
	go io.Copy(io.Discard, reader) // only the standard library is in its stack
}

func pipeClosed() {
	reader, writer := io.Pipe()
	go io.Copy(io.Discard, reader)
	writer.Close()
}

func nilChannel() { go awaitOrder(nil) }

func madeChannel() {
	orders := make(chan string)
	go awaitOrder(orders)
	close(orders)
}

func twoChannels() {
	left, right := make(chan int), make(chan int)
	go exchange(left, right)
	go exchange(right, left)
}

func exchange(out chan<- int, in <-chan int) {
	out <- 1
	<-in
}

func twoBuffered() {
	left, right := make(chan int, 1), make(chan int, 1)
	go exchange(left, right)
	go exchange(right, left)
}

func readThenWrite() { go upgrade(&sync.RWMutex{}) }

func upgrade(lock *sync.RWMutex) {
	lock.RLock()
	lock.Lock()
	lock.Unlock()
	lock.RUnlock()
}

func readOnly() {
	lock := &sync.RWMutex{}
	go func() {
		lock.RLock()
		defer lock.RUnlock()
	}()
}
