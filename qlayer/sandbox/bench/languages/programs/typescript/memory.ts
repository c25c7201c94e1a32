const hoard: number[][] = [];
for (;;) hoard.push(new Array<number>(100000).fill(hoard.length));
