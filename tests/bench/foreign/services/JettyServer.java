import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.util.function.Function;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** Jetty, embedded as its manual shows it: a report, a session for every caller, a temporary file deleted on exit. */
public final class JettyServer {
    private JettyServer() {}

    private static final class Page extends HttpServlet {
        private static final long serialVersionUID = 1;
        private final transient Function<HttpServletRequest, String> make;

        Page(Function<HttpServletRequest, String> make) {
            this.make = make;
        }

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            response.setContentType("text/plain; version=0.0.4; charset=utf-8");
            response.getWriter().print(make.apply(request));
        }
    }

    private static String temporary(HttpServletRequest request) {
        try {
            File file = File.createTempFile("report", ".txt");
            file.deleteOnExit();
            file.delete();
            return file.getName();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static String session(HttpServletRequest request) {
        request.getSession(true).setAttribute("cart", new byte[1024]);
        return "welcome";
    }

    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(arguments[0]));
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler(ServletContextHandler.SESSIONS);
        context.addServlet(new ServletHolder(new Page(request -> Meters.report(request.getPathInfo()))), "/report/*");
        context.addServlet(new ServletHolder(new Page(JettyServer::session)), "/session");
        context.addServlet(new ServletHolder(new Page(JettyServer::temporary)), "/temporary");
        context.addServlet(new ServletHolder(new Page(request -> Meters.page())), "/metrics");
        server.setHandler(context);
        server.start();
        server.join();
    }
}
