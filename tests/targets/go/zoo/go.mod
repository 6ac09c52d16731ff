module soak.test/zoo

go 1.24
