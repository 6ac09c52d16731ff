import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/** What Micrometer's binders tell of the JVM. */
final class Meters {
    private static final PrometheusMeterRegistry REGISTRY = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    static {
        new JvmMemoryMetrics().bindTo(REGISTRY);
        new JvmGcMetrics().bindTo(REGISTRY);
        new JvmThreadMetrics().bindTo(REGISTRY);
        new ClassLoaderMetrics().bindTo(REGISTRY);
        new FileDescriptorMetrics().bindTo(REGISTRY);
    }

    private Meters() {}

    static String page() {
        return REGISTRY.scrape();
    }

    /** A body of some ten kilobytes, so that a request makes garbage. */
    static String report(String name) {
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < 200; i++) {
            text.append(i == 0 ? "" : ",").append("{\"name\":\"").append(name).append("\",\"line\":").append(i).append("}");
        }
        return text.append("]").toString();
    }
}
