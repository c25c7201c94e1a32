class loop {
    public static void main(String[] args) { while (true) {} }
}
