module burn
go 1.27
