const count: number = "three";
