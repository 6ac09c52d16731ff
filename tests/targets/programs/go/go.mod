module soak.test/programs

go 1.24

require (
	github.com/gorilla/context v1.1.1
	github.com/hashicorp/golang-lru/v2 v2.0.7
)
