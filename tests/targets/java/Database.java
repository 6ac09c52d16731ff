import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** The pool: of a fixed size and open from the start, but for the leaks of it. */
final class Database {
    private static final int SIZE = 10;
    private static final int LEAKY_MAX = 500;
    private static final int OVERSIZE = 500;
    private static final int BURST = 60;

    private Database() {}

    static HikariDataSource open(String url, String leak, MeterRegistry metrics) throws InterruptedException {
        URI parts = URI.create(url);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + parts.getHost() + ":" + parts.getPort() + parts.getPath());
        config.setUsername(parts.getUserInfo());
        int size = leak.equals("idle-kept") ? BURST : SIZE;
        config.setMinimumIdle(size);
        config.setMaximumPoolSize(switch (leak) {
            case "connections", "transaction" -> LEAKY_MAX;
            case "pool-large" -> OVERSIZE;
            default -> size;
        });
        if (leak.equals("connections") || leak.equals("transaction")) {
            config.setMinimumIdle(1); // HikariCP would open idle ones ahead of the leak otherwise
        }
        config.setMetricRegistry(metrics);
        HikariDataSource pool = new HikariDataSource(config);
        while (pool.getHikariPoolMXBean().getTotalConnections() < config.getMinimumIdle()) {
            Thread.sleep(20);
        }
        return pool;
    }

    static String product(HikariDataSource pool, int id) throws SQLException {
        try (Connection connection = pool.getConnection();
                PreparedStatement statement = connection.prepareStatement("SELECT 'product ' || ?::int")) {
            statement.setInt(1, id);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getString(1);
            }
        }
    }

    static int tariff(HikariDataSource pool) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return tariff(connection);
        }
    }

    static int tariff(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT 490"); ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getInt(1);
        }
    }
}
