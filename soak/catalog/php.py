"""PHP-FPM, as its exporters publish it. The series of the exporter's own process say nothing about PHP."""

from __future__ import annotations

from soak.catalog.row_types import Family, ResourceKind, Unit, count, shown

PHP = Family(
    name="PHP-FPM",
    language="PHP",
    executables=r"php(-fpm)?[0-9.]*",
    prefixes=("phpfpm_",),
    exporter_marks=("phpfpm_up", "phpfpm_scrape_failures"),
    metrics=(
        count(
            ResourceKind.THREADS, "phpfpm_total_processes", "PHP-FPM's processes", Unit.PROCESSES
        ),
        count(
            ResourceKind.THREADS,
            "phpfpm_active_processes",
            "PHP-FPM's busy processes",
            Unit.PROCESSES,
            "phpfpm_total_processes",
        ),
        count(
            ResourceKind.QUEUE,
            "phpfpm_listen_queue",
            "requests that wait for PHP-FPM",
            Unit.REQUESTS,
            "phpfpm_listen_queue_length",
        ),
        shown(
            "phpfpm_process_last_request_memory",
            ResourceKind.MEMORY,
            "memory of a process's last request",
        ),
    ),
)
