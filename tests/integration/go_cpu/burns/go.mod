module burns

go 1.19
