module inside

go 1.19
