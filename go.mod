module brood

go 1.26.0
