class broken {
    public static void main(String[] args) { int count = "three"; }
}
