import java.util.Scanner;

class wrong {
    public static void main(String[] args) {
        Scanner words = new Scanner(System.in);
        long sum = 1;
        while (words.hasNextLong()) sum += words.nextLong();
        System.out.println(sum);
    }
}
