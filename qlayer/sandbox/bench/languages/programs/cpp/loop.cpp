int main() { for (volatile bool more = true; more;) {} }
