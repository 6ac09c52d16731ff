import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.util.Headers;

/** Undertow, embedded as its manual shows it. */
public final class UndertowServer {
    private UndertowServer() {}

    public static void main(String[] arguments) {
        var paths = Handlers.path()
                .addPrefixPath("/report", exchange -> exchange.getResponseSender().send(Meters.report(exchange.getRelativePath())))
                .addExactPath("/metrics", exchange -> {
                    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
                    exchange.getResponseSender().send(Meters.page());
                });
        Undertow.builder().addHttpListener(Integer.parseInt(arguments[0]), "127.0.0.1").setHandler(paths).build().start();
    }
}
