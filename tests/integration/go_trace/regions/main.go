// regions: one that marks regions in the way that cannot be seen from outside.
package main

import (
	"context"
	"fmt"
	"runtime/trace"
	"time"
)

func main() {
	fmt.Println("go")
	for {
		region := trace.StartRegion(context.Background(), "unseen")
		time.Sleep(time.Millisecond)
		region.End()
	}
}
