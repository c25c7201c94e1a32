package main

import "fmt"

func main() {
	sum, each := 1, 0
	for {
		if _, err := fmt.Scan(&each); err != nil {
			break
		}
		sum += each
	}
	fmt.Println(sum)
}
