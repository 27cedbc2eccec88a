module example.org/crash

go 1.19
