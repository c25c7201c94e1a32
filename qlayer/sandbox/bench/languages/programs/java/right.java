import java.util.Scanner;

class right {
    public static void main(String[] args) {
        Scanner words = new Scanner(System.in);
        long sum = 0;
        while (words.hasNextLong()) sum += words.nextLong();
        System.out.println(sum);
    }
}
