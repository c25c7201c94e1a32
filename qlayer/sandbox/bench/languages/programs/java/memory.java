import java.util.ArrayList;

class memory {
    public static void main(String[] args) {
        ArrayList<byte[]> hoard = new ArrayList<>();
        while (true) hoard.add(new byte[1 << 20]);
    }
}
