// SPDX-License-Identifier: GPL-2.0

// steps - as steps.c, in Go: goroutines on their own threads, and a heap that returns
// unused parts to the kernel (MADV_DONTNEED).
package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

const threads, blocks = 8, 128

type worker struct {
	random uint64
	blocks [blocks][]byte
	work   chan int
}

func (w *worker) next() uint32 {
	w.random = w.random*6364136223846793005 + 1442695040888963407
	return uint32(w.random >> 33)
}

func (w *worker) step() {
	block := make([]byte, w.next()%20000+1)
	for n := range block {
		block[n] = byte(w.next())
	}
	w.blocks[w.next()%blocks] = block
}

func main() {
	var workers [threads]worker
	var done sync.WaitGroup
	for t := range workers {
		w := &workers[t]
		w.random = uint64(t)
		w.work = make(chan int)
		go func() {
			// Use a thread exclusively.
			runtime.LockOSThread()
			for count := range w.work {
				for n := 0; n < count; n++ {
					w.step()
				}
				done.Done()
			}
		}()
	}
	fmt.Println("ready")
	steps, count := 0, 0
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		if _, err := fmt.Sscanf(input.Text(), "step %d", &count); err != nil {
			panic(err)
		}
		done.Add(threads)
		for t := range workers {
			workers[t].work <- count
		}
		done.Wait()
		steps += count
		debug.FreeOSMemory()
		digest := fnv.New64a()
		for t := range workers {
			for _, block := range workers[t].blocks {
				digest.Write(block)
			}
		}
		fmt.Printf("%d %016x\n", steps, digest.Sum64())
	}
}
