package main

var hoard [][]byte

func main() {
	for {
		block := make([]byte, 1<<20)
		for at := 0; at < len(block); at += 4096 {
			block[at] = 1
		}
		hoard = append(hoard, block)
	}
}
