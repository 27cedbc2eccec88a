module example.com/go_trace

go 1.19
