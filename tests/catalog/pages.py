"""Metrics pages after the names that clients and exporters really publish, and which of their series are resources."""

from __future__ import annotations

#: By what serves it: the page (gauges unless it says otherwise), and the series to be judged, by name or name and labels.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "client_java 0.x": (
        """
        jvm_memory_bytes_used{area="heap"} 5e7
        jvm_memory_bytes_used{area="nonheap"} 4e7
        jvm_memory_bytes_max{area="heap"} 5e8
        jvm_memory_pool_bytes_used{pool="G1 Old Gen"} 3e7
        jvm_memory_pool_bytes_used{pool="Metaspace"} 2e7
        jvm_threads_current 30
        jvm_threads_daemon 12
        jvm_threads_peak 31
        jvm_classes_loaded 5000
        jvm_buffer_pool_used_bytes{pool="direct"} 1e5
        jvm_gc_collection_seconds_sum{gc="G1 Young Generation"} 1
        process_resident_memory_bytes 1e8
        process_open_fds 20
        """,
        (
            'jvm_memory_bytes_used{area="heap"}',
            'jvm_memory_pool_bytes_used{pool="Metaspace"}',
            "jvm_threads_current",
            'jvm_buffer_pool_used_bytes{pool="direct"}',
            "process_resident_memory_bytes",
            "process_open_fds",
        ),
    ),
    "client_java 1.x and jmx_exporter": (
        """
        jvm_memory_used_bytes{area="heap"} 5e7
        jvm_memory_used_bytes{area="nonheap"} 4e7
        jvm_memory_max_bytes{area="heap"} 5e8
        jvm_memory_pool_used_bytes{pool="G1 Eden Space"} 3e7
        jvm_memory_pool_used_bytes{pool="Metaspace"} 2e7
        jvm_memory_pool_collection_used_bytes{pool="G1 Old Gen"} 2e7
        jvm_memory_pool_collection_used_bytes{pool="G1 Eden Space"} 1
        jvm_threads_current 30
        jvm_threads_state{state="WAITING"} 12
        jvm_buffer_pool_used_bytes{pool="direct"} 1e5
        """,
        (
            'jvm_memory_pool_used_bytes{pool="Metaspace"}',
            'jvm_memory_pool_collection_used_bytes{pool="G1 Old Gen"}',
            "jvm_threads_current",
            'jvm_buffer_pool_used_bytes{pool="direct"}',
        ),
    ),
    "Micrometer": (
        """
        jvm_memory_used_bytes{area="heap",id="G1 Old Gen"} 5e7
        jvm_memory_used_bytes{area="heap",id="G1 Eden Space"} 5e7
        jvm_memory_used_bytes{area="nonheap",id="Metaspace"} 4e7
        jvm_memory_used_bytes{area="nonheap",id="CodeCache"} 4e7
        jvm_gc_live_data_size_bytes 3e7
        jvm_gc_max_data_size_bytes 5e8
        jvm_threads_live_threads 30
        jvm_threads_virtual_live_threads{scheduling_status="mounted"} 3
        jvm_threads_states_threads{state="waiting"} 3
        jvm_buffer_memory_used_bytes{id="direct"} 1e5
        executor_queued_tasks{name="applicationTaskExecutor"} 0
        executor_active_threads{name="applicationTaskExecutor"} 2
        tomcat_threads_current_threads{name="http-nio-8080"} 10
        process_files_open_files 40
        process_files_max_files 1024
        hikaricp_connections_active{pool="main"} 2
        hikaricp_connections_pending{pool="main"} 0
        hikaricp_connections_max{pool="main"} 10
        """,
        (
            'jvm_memory_used_bytes{area="nonheap",id="Metaspace"}',
            "jvm_gc_live_data_size_bytes",
            "jvm_threads_live_threads",
            'jvm_threads_virtual_live_threads{scheduling_status="mounted"}',
            'jvm_buffer_memory_used_bytes{id="direct"}',
            'executor_queued_tasks{name="applicationTaskExecutor"}',
            'executor_active_threads{name="applicationTaskExecutor"}',
            'tomcat_threads_current_threads{name="http-nio-8080"}',
            "process_files_open_files",
            'hikaricp_connections_active{pool="main"}',
            'hikaricp_connections_pending{pool="main"}',
        ),
    ),
    "MicroProfile 5 on Liberty": (
        """
        memory_usedHeap_bytes{mp_scope="base",} 5e7
        memory_maxHeap_bytes{mp_scope="base",} 5e8
        thread_count{mp_scope="base",} 30
        thread_daemon_count{mp_scope="base",} 12
        connectionpool_managedConnections{datasource="jdbc_main",mp_scope="vendor",} 4
        connectionpool_freeConnections{datasource="jdbc_main",mp_scope="vendor",} 2
        threadpool_activeThreads{pool="Default_Executor",mp_scope="vendor",} 2
        """,
        (
            'memory_usedHeap_bytes{mp_scope="base"}',
            'thread_count{mp_scope="base"}',
            'connectionpool_managedConnections{datasource="jdbc_main",mp_scope="vendor"}',
        ),
    ),
    "MicroProfile 2 to 4": (
        "base_memory_usedHeap_bytes 5e7\nbase_memory_maxHeap_bytes 5e8\nbase_thread_count 53\nbase_thread_max_count 60\n",
        ("base_memory_usedHeap_bytes", "base_thread_count"),
    ),
    "MicroProfile 3 on Liberty": (
        """
        base_memory_usedHeap_bytes 5e7
        base_thread_count 30
        base_gc_total{name="global"} 3
        vendor_connectionpool_connectionHandles{datasource="jdbc_main"} 3
        vendor_connectionpool_freeConnections{datasource="jdbc_main"} 2
        vendor_connectionpool_managedConnections{datasource="jdbc_main"} 5
        vendor_threadpool_activeThreads{pool="Default_Executor"} 2
        vendor_threadpool_size{pool="Default_Executor"} 8
        vendor_session_activeSessions{appname="default_host_app"} 3
        """,
        (
            "base_memory_usedHeap_bytes",
            "base_thread_count",
            'vendor_connectionpool_managedConnections{datasource="jdbc_main"}',
        ),
    ),
    "SmallRye on Quarkus": (
        """
        base_memory_usedHeap_bytes 3e7
        base_memory_maxHeap_bytes 1e9
        base_thread_count 11
        vendor_memory_usedNonHeap_bytes 5e7
        vendor_memory_committedNonHeap_bytes 6e7
        vendor_memory_freePhysicalSize_bytes 5e9
        vendor_memoryPool_usage_bytes{name="Eden Space"} 2e7
        vendor_memoryPool_usage_bytes{name="Tenured Gen"} 1e7
        vendor_memoryPool_usage_bytes{name="Metaspace"} 4e7
        vendor_memoryPool_usage_max_bytes{name="Tenured Gen"} 1e7
        vendor_agroal_active_count{datasource="default"} 4
        vendor_agroal_available_count{datasource="default"} 2
        vendor_agroal_awaiting_count{datasource="default"} 1
        """,
        (
            "base_memory_usedHeap_bytes",
            "base_thread_count",
            'vendor_memoryPool_usage_bytes{name="Metaspace"}',
            'vendor_agroal_active_count{datasource="default"}',
            'vendor_agroal_awaiting_count{datasource="default"}',
        ),
    ),
    "SmallRye without pools": (
        "vendor_memory_usedNonHeap_bytes 5e7\n",
        ("vendor_memory_usedNonHeap_bytes",),
    ),
    "Micrometer on Quarkus": (
        """
        agroal_active_count{datasource="default"} 4
        agroal_available_count{datasource="default"} 2
        agroal_awaiting_count{datasource="default"} 1
        """,
        (
            'agroal_active_count{datasource="default"}',
            'agroal_awaiting_count{datasource="default"}',
        ),
    ),
    "WildFly": (
        """
        base_memory_usedHeap_bytes 9e7
        base_memory_usedNonHeap_bytes 2e8
        base_thread_count 79
        vendor_memoryPool_Metaspace_usage_bytes 1.5e8
        vendor_memoryPool_Metaspace_usage_max_bytes 1.5e8
        vendor_memoryPool_G1_Old_Gen_usage_bytes 8e7
        vendor_memoryPool_G1_Eden_Space_usage_bytes 3e6
        vendor_BufferPool_used_memory_direct_bytes 5e5
        wildfly_datasources_pool_in_use_count{data_source="MainDS"} 2
        wildfly_datasources_pool_active_count{data_source="MainDS"} 3
        wildfly_datasources_pool_max_used_count{data_source="MainDS"} 3
        wildfly_jca_queue_size{short_running_threads="default"} 1
        wildfly_undertow_active_sessions{deployment="app.war"} 7
        """,
        (
            "base_memory_usedHeap_bytes",
            "base_thread_count",
            "vendor_memoryPool_Metaspace_usage_bytes",
            "vendor_BufferPool_used_memory_direct_bytes",
            'wildfly_datasources_pool_in_use_count{data_source="MainDS"}',
            'wildfly_jca_queue_size{short_running_threads="default"}',
        ),
    ),
    "OpenTelemetry, JVM": (
        """
        jvm_memory_used_bytes{jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap"} 5e7
        jvm_memory_used_bytes{jvm_memory_pool_name="G1 Eden Space",jvm_memory_type="heap"} 5e7
        jvm_memory_used_bytes{jvm_memory_pool_name="Metaspace",jvm_memory_type="non_heap"} 5e7
        jvm_memory_used_after_last_gc_bytes{jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap"} 3e7
        jvm_memory_used_after_last_gc_bytes{jvm_memory_pool_name="G1 Eden Space",jvm_memory_type="heap"} 1
        jvm_memory_limit_bytes{jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap"} 5e8
        jvm_thread_count{jvm_thread_daemon="true",jvm_thread_state="waiting"} 12
        jvm_class_count 5000
        """,
        (
            'jvm_memory_used_bytes{jvm_memory_pool_name="Metaspace",jvm_memory_type="non_heap"}',
            'jvm_memory_used_after_last_gc_bytes{jvm_memory_pool_name="G1 Old Gen",jvm_memory_type="heap"}',
            'jvm_thread_count{jvm_thread_daemon="true",jvm_thread_state="waiting"}',
        ),
    ),
    "OpenTelemetry, Go": (
        """
        go_memory_used_bytes{go_memory_type="stack"} 1e6
        go_memory_used_bytes{go_memory_type="other"} 5e7
        go_memory_gc_goal_bytes 6e7
        go_goroutine_count 12
        go_processor_limit 4
        """,
        ('go_memory_used_bytes{go_memory_type="other"}', "go_goroutine_count"),
    ),
    "OpenTelemetry, Go before 1.29": (
        (
            "process_runtime_go_goroutines 12\nprocess_runtime_go_mem_heap_alloc_bytes 5e7\n"
            "process_runtime_go_mem_heap_sys_bytes 9e7\n"
        ),
        ("process_runtime_go_goroutines", "process_runtime_go_mem_heap_alloc_bytes"),
    ),
    "OpenTelemetry, Node.js": (
        """
        v8js_memory_heap_used_bytes{v8js_heap_space_name="old_space"} 5e7
        v8js_memory_heap_used_bytes{v8js_heap_space_name="new_space"} 5e6
        v8js_memory_heap_limit_bytes{v8js_heap_space_name="old_space"} 5e8
        nodejs_eventloop_utilization_ratio 0.1
        """,
        ('v8js_memory_heap_used_bytes{v8js_heap_space_name="old_space"}',),
    ),
    "OpenTelemetry, Python": (
        """
        process_memory_usage_bytes 5e7
        process_memory_virtual_bytes 5e8
        process_thread_count 5
        process_open_file_descriptor_count 12
        """,
        (
            "process_memory_usage_bytes",
            "process_thread_count",
            "process_open_file_descriptor_count",
        ),
    ),
    "OpenTelemetry, Python before": (
        (
            'process_runtime_cpython_memory_bytes{type="rss"} 5e7\nprocess_runtime_cpython_memory_bytes{type="vms"} 5e8\n'
            "process_runtime_cpython_thread_count 5\n"
        ),
        (
            'process_runtime_cpython_memory_bytes{type="rss"}',
            "process_runtime_cpython_thread_count",
        ),
    ),
    "asyncio": (
        "python_asyncio_tasks 12\npython_asyncio_handles 1\n",
        ("python_asyncio_tasks", "python_asyncio_handles"),
    ),
    ".NET 9's own meters": (
        """
        dotnet_process_memory_working_set_bytes 9e7
        dotnet_gc_last_collection_heap_size_bytes{gc_heap_generation="gen2"} 3e7
        dotnet_gc_last_collection_memory_committed_size_bytes 5e7
        dotnet_thread_pool_thread_count 8
        dotnet_thread_pool_queue_length 0
        dotnet_timer_count 2
        """,
        (
            "dotnet_process_memory_working_set_bytes",
            'dotnet_gc_last_collection_heap_size_bytes{gc_heap_generation="gen2"}',
            "dotnet_thread_pool_thread_count",
            "dotnet_thread_pool_queue_length",
            "dotnet_timer_count",
        ),
    ),
    ".NET 9's own meters, by OpenTelemetry's exporter": (
        """
        # TYPE dotnet_thread_pool_thread_count_total counter
        dotnet_thread_pool_thread_count_total 8
        # TYPE dotnet_thread_pool_queue_length_total counter
        dotnet_thread_pool_queue_length_total 3
        # TYPE dotnet_thread_pool_work_item_count_total counter
        dotnet_thread_pool_work_item_count_total 5000
        """,
        ("dotnet_thread_pool_thread_count_total", "dotnet_thread_pool_queue_length_total"),
    ),
    "prometheus-net": (
        """
        process_private_memory_bytes 1e8
        process_working_set_bytes 9e7
        process_virtual_memory_bytes 9e8
        dotnet_total_memory_bytes 5e7
        process_num_threads 30
        process_open_handles 200
        """,
        (
            "process_working_set_bytes",
            "dotnet_total_memory_bytes",
            "process_num_threads",
            "process_open_handles",
        ),
    ),
    "prom-client": (
        """
        process_resident_memory_bytes 9e7
        nodejs_heap_size_used_bytes 3e7
        nodejs_heap_size_total_bytes 5e7
        nodejs_external_memory_bytes 1e6
        nodejs_active_handles{type="Socket"} 2
        nodejs_active_handles_total 4
        nodejs_active_requests_total 0
        nodejs_active_resources{type="Timeout"} 1
        nodejs_active_resources{type="TCPSocketWrap"} 2
        nodejs_active_resources_total 5
        """,
        (
            "process_resident_memory_bytes",
            "nodejs_heap_size_used_bytes",
            "nodejs_active_handles_total",
            "nodejs_active_requests_total",
            'nodejs_active_resources{type="Timeout"}',
            "nodejs_active_resources_total",
        ),
    ),
    "prometheus_exporter (Ruby)": (
        """
        ruby_rss{pid="7",type="web"} 9e7
        ruby_heap_live_slots{pid="7",type="web"} 3e5
        ruby_heap_free_slots{pid="7",type="web"} 3e3
        ruby_active_record_connection_pool_busy{pool_name="primary"} 2
        ruby_active_record_connection_pool_size{pool_name="primary"} 5
        ruby_active_record_connection_pool_waiting{pool_name="primary"} 0
        ruby_puma_request_backlog 0
        ruby_sidekiq_queue_backlog{queue_name="default"} 3
        """,
        (
            'ruby_rss{pid="7",type="web"}',
            'ruby_heap_live_slots{pid="7",type="web"}',
            'ruby_active_record_connection_pool_busy{pool_name="primary"}',
            'ruby_active_record_connection_pool_waiting{pool_name="primary"}',
            "ruby_puma_request_backlog",
            'ruby_sidekiq_queue_backlog{queue_name="default"}',
        ),
    ),
    "Yabeda": (
        """
        puma_backlog{index="0"} 0
        puma_running{index="0"} 5
        puma_pool_capacity{index="0"} 4
        puma_max_threads{index="0"} 5
        sidekiq_jobs_waiting_count{queue="default"} 2
        sidekiq_active_workers_count 1
        activerecord_connection_pool_size 5
        activerecord_connection_pool_busy 1
        """,
        (
            'puma_backlog{index="0"}',
            'puma_running{index="0"}',
            'sidekiq_jobs_waiting_count{queue="default"}',
            "activerecord_connection_pool_busy",
        ),
    ),
    "PHP-FPM exporter": (
        """
        phpfpm_up{pool="www"} 1
        phpfpm_active_processes{pool="www"} 2
        phpfpm_total_processes{pool="www"} 5
        phpfpm_listen_queue{pool="www"} 0
        phpfpm_listen_queue_length{pool="www"} 511
        process_resident_memory_bytes 1e7
        go_goroutines 9
        """,
        (
            'phpfpm_active_processes{pool="www"}',
            'phpfpm_total_processes{pool="www"}',
            'phpfpm_listen_queue{pool="www"}',
        ),
    ),
    "prometheus.erl": (
        """
        # TYPE erlang_vm_memory_bytes_total gauge
        erlang_vm_memory_bytes_total{kind="system"} 5e7
        erlang_vm_memory_bytes_total{kind="processes"} 3e7
        # TYPE erlang_vm_memory_processes_bytes_total gauge
        erlang_vm_memory_processes_bytes_total{usage="used"} 3e7
        erlang_vm_memory_processes_bytes_total{usage="free"} 1e5
        # TYPE erlang_vm_memory_system_bytes_total gauge
        erlang_vm_memory_system_bytes_total{usage="ets"} 1e6
        erlang_vm_memory_system_bytes_total{usage="binary"} 2e6
        erlang_vm_process_count 300
        erlang_vm_process_limit 262144
        erlang_vm_port_count 9
        erlang_vm_atom_count 20000
        """,
        (
            'erlang_vm_memory_processes_bytes_total{usage="used"}',
            'erlang_vm_memory_system_bytes_total{usage="ets"}',
            'erlang_vm_memory_system_bytes_total{usage="binary"}',
            "erlang_vm_process_count",
            "erlang_vm_port_count",
            "erlang_vm_atom_count",
        ),
    ),
    "prometheus.erl 6": (
        """
        erlang_vm_memory_bytes{kind="processes"} 3e7
        erlang_vm_memory_processes_bytes{usage="used"} 3e7
        erlang_vm_memory_processes_bytes{usage="free"} 1e4
        erlang_vm_memory_system_bytes{usage="binary"} 1e6
        erlang_vm_memory_atom_bytes{usage="used"} 5e5
        erlang_vm_processes 300
        erlang_vm_process_limit 262144
        erlang_vm_ports 12
        erlang_vm_port_limit 65536
        erlang_vm_atoms 15000
        erlang_vm_atom_limit 1048576
        """,
        (
            'erlang_vm_memory_processes_bytes{usage="used"}',
            'erlang_vm_memory_system_bytes{usage="binary"}',
            "erlang_vm_processes",
            "erlang_vm_ports",
            "erlang_vm_atoms",
        ),
    ),
    "VerneMQ": (
        """
        vm_memory_total{node="a",mode="mqtt"} 5e7
        vm_memory_processes{node="a",mode="mqtt"} 2e7
        vm_memory_processes_used{node="a",mode="mqtt"} 2e7
        vm_memory_binary{node="a",mode="mqtt"} 1e6
        vm_memory_ets{node="a",mode="mqtt"} 2e6
        router_memory{node="a",mode="mqtt"} 1e5
        queue_processes{node="a",mode="mqtt"} 12
        """,
        (
            'vm_memory_processes{mode="mqtt",node="a"}',
            'vm_memory_binary{mode="mqtt",node="a"}',
            'vm_memory_ets{mode="mqtt",node="a"}',
            'router_memory{mode="mqtt",node="a"}',
            'queue_processes{mode="mqtt",node="a"}',
        ),
    ),
    "Envoy": (
        """
        envoy_server_memory_allocated{} 5e7
        envoy_server_memory_heap_size{} 6e7
        envoy_server_memory_physical_size{} 7e7
        envoy_server_total_connections{} 12
        envoy_cluster_upstream_cx_active{envoy_cluster_name="orders"} 4
        envoy_cluster_upstream_rq_pending_active{envoy_cluster_name="orders"} 0
        """,
        (
            "envoy_server_memory_allocated",
            "envoy_server_memory_physical_size",
            "envoy_server_total_connections",
            'envoy_cluster_upstream_cx_active{envoy_cluster_name="orders"}',
            'envoy_cluster_upstream_rq_pending_active{envoy_cluster_name="orders"}',
        ),
    ),
    "Traefik": (
        'traefik_open_connections{entrypoint="web",protocol="TCP"} 3\ngo_goroutines 20\nprocess_resident_memory_bytes 9e7\n',
        (
            'traefik_open_connections{entrypoint="web",protocol="TCP"}',
            "go_goroutines",
            "process_resident_memory_bytes",
        ),
    ),
    "nginx-prometheus-exporter": (
        """
        nginxexporter_build_info{version="1.4.0"} 1
        nginx_up 1
        nginx_connections_active 4
        nginx_connections_waiting 2
        process_resident_memory_bytes 1e7
        """,
        ("nginx_connections_active",),
    ),
    "nginx-vts": (
        (
            'nginx_vts_main_connections{status="active"} 4\nnginx_vts_main_connections{status="waiting"} 2\n'
            'nginx_vts_main_shm_usage_bytes{shared="max_size"} 1048576\nnginx_vts_main_shm_usage_bytes{shared="used_size"} 3000\n'
        ),
        (
            'nginx_vts_main_connections{status="active"}',
            'nginx_vts_main_shm_usage_bytes{shared="used_size"}',
        ),
    ),
    "HAProxy": (
        """
        haproxy_process_pool_used_bytes 5e6
        haproxy_process_pool_allocated_bytes 6e6
        haproxy_process_current_connections 12
        haproxy_process_max_connections 2000
        haproxy_process_current_tasks 20
        haproxy_frontend_current_sessions{proxy="web"} 4
        haproxy_backend_current_queue{proxy="app"} 0
        haproxy_server_current_sessions{proxy="app",server="s1"} 2
        """,
        (
            "haproxy_process_pool_used_bytes",
            "haproxy_process_pool_allocated_bytes",
            "haproxy_process_current_connections",
            "haproxy_process_current_tasks",
            'haproxy_frontend_current_sessions{proxy="web"}',
            'haproxy_backend_current_queue{proxy="app"}',
        ),
    ),
    "CockroachDB": (
        """
        sys_rss 9e8
        sys_go_allocbytes 2e8
        sys_go_totalbytes 4e8
        sys_cgo_allocbytes 1e8
        sys_goroutines 300
        sys_fd_open 90
        sys_fd_softlimit 65536
        sql_conns 3
        """,
        (
            "sys_rss",
            "sys_go_allocbytes",
            "sys_cgo_allocbytes",
            "sys_goroutines",
            "sys_fd_open",
            "sql_conns",
        ),
    ),
    "Consul": (
        (
            "consul_runtime_alloc_bytes 5e7\nconsul_runtime_heap_objects 3e5\nconsul_runtime_num_goroutines 90\n"
            "consul_runtime_sys_bytes 9e7\n"
        ),
        (
            "consul_runtime_alloc_bytes",
            "consul_runtime_heap_objects",
            "consul_runtime_num_goroutines",
        ),
    ),
    "etcd": (
        """
        etcd_mvcc_db_total_size_in_use_in_bytes 5e6
        etcd_mvcc_db_total_size_in_bytes 2e7
        etcd_server_quota_backend_bytes 2e9
        os_fd_used 20
        os_fd_limit 1024
        go_memstats_heap_alloc_bytes 5e7
        go_goroutines 90
        """,
        (
            "etcd_mvcc_db_total_size_in_use_in_bytes",
            "os_fd_used",
            "go_memstats_heap_alloc_bytes",
            "go_goroutines",
        ),
    ),
    "redis_exporter": (
        """
        redis_exporter_build_info{version="1.62.0"} 1
        redis_memory_used_bytes 5e6
        redis_memory_used_rss_bytes 9e6
        redis_memory_used_peak_bytes 9e6
        redis_connected_clients 3
        redis_config_maxclients 10000
        redis_db_keys{db="db0"} 40
        process_resident_memory_bytes 1e7
        go_goroutines 8
        """,
        ("redis_memory_used_bytes", "redis_memory_used_rss_bytes", "redis_connected_clients"),
    ),
    "postgres_exporter": (
        """
        pg_exporter_last_scrape_error 0
        pg_stat_database_numbackends{datid="1",datname="orders"} 5
        pg_stat_activity_count{datname="orders",state="active"} 2
        pg_stat_activity_count{datname="orders",state="idle in transaction"} 0
        pg_settings_max_connections 100
        pg_locks_count{datname="orders",mode="sharelock"} 0
        process_resident_memory_bytes 1e7
        """,
        (
            'pg_stat_database_numbackends{datid="1",datname="orders"}',
            'pg_stat_activity_count{datname="orders",state="idle in transaction"}',
        ),
    ),
    "cAdvisor in the kubelet": (
        """
        container_memory_working_set_bytes{container="",id="/",pod=""} 9e9
        container_memory_working_set_bytes{container="",id="/kubepods/pod1",pod="orders-1"} 6e7
        container_memory_working_set_bytes{container="POD",id="/kubepods/pod1/a",pod="orders-1"} 1e6
        container_memory_working_set_bytes{container="app",id="/kubepods/pod1/b",pod="orders-1"} 5e7
        container_memory_rss{container="app",id="/kubepods/pod1/b",pod="orders-1"} 4e7
        container_file_descriptors{container="app",id="/kubepods/pod1/b",pod="orders-1"} 12
        container_spec_memory_limit_bytes{container="app",id="/kubepods/pod1/b",pod="orders-1"} 5e8
        """,
        (
            'container_memory_working_set_bytes{container="app",id="/kubepods/pod1/b",pod="orders-1"}',
            'container_file_descriptors{container="app",id="/kubepods/pod1/b",pod="orders-1"}',
        ),
    ),
    "cAdvisor without the working set": (
        """
        container_memory_rss{container="",id="/kubepods/pod1",pod="orders-1"} 6e7
        container_memory_rss{container="POD",id="/kubepods/pod1/a",pod="orders-1"} 1e6
        container_memory_rss{container="app",id="/kubepods/pod1/b",pod="orders-1"} 5e7
        container_memory_cache{container="app",id="/kubepods/pod1/b",pod="orders-1"} 4e7
        """,
        ('container_memory_rss{container="app",id="/kubepods/pod1/b",pod="orders-1"}',),
    ),
    "RabbitMQ": (
        "rabbitmq_process_resident_memory_bytes 9e7\nrabbitmq_process_open_fds 40\nrabbitmq_process_max_fds 1024\n",
        ("rabbitmq_process_resident_memory_bytes", "rabbitmq_process_open_fds"),
    ),
    "OpenTelemetry, connection pools": (
        """
        db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="used"} 2
        db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="idle"} 3
        db_client_connection_max{db_client_connection_pool_name="main"} 10
        db_client_connection_pending_requests{db_client_connection_pool_name="main"} 0
        """,
        (
            'db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="used"}',
            'db_client_connection_pending_requests{db_client_connection_pool_name="main"}',
        ),
    ),
    "node_exporter": (
        """
        node_memory_MemTotal_bytes 8e9
        node_memory_MemFree_bytes 1e9
        node_memory_MemAvailable_bytes 5e9
        node_memory_Cached_bytes 3e9
        node_memory_SwapFree_bytes 1e9
        node_memory_SUnreclaim_bytes 1e8
        node_filefd_allocated 2000
        node_filefd_maximum 9e5
        node_nf_conntrack_entries 300
        node_nf_conntrack_entries_limit 65536
        node_processes_pids 200
        node_processes_max_processes 32768
        node_processes_threads 600
        node_processes_max_threads 60000
        node_processes_state{state="S"} 190
        node_sockstat_TCP_alloc 40
        node_sockstat_TCP_tw 10
        node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 5e10
        node_filesystem_files_free{device="/dev/sda1",fstype="ext4",mountpoint="/"} 1e6
        node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 9e10
        node_exporter_build_info{version="1.9.0"} 1
        process_resident_memory_bytes 2e7
        go_goroutines 9
        """,
        (
            "node_memory_MemAvailable_bytes",
            "node_memory_SwapFree_bytes",
            "node_memory_SUnreclaim_bytes",
            "node_filefd_allocated",
            "node_nf_conntrack_entries",
            "node_processes_pids",
            "node_processes_threads",
            "node_sockstat_TCP_alloc",
            'node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"}',
            'node_filesystem_files_free{device="/dev/sda1",fstype="ext4",mountpoint="/"}',
        ),
    ),
    "prometheus-net.DotNetRuntime": (
        """
        dotnet_gc_heap_size_bytes{gc_generation="0"} 1e6
        dotnet_gc_heap_size_bytes{gc_generation="1"} 1e6
        dotnet_gc_heap_size_bytes{gc_generation="2"} 4e7
        dotnet_gc_heap_size_bytes{gc_generation="loh"} 2e7
        dotnet_gc_finalization_queue_length 3
        dotnet_gc_pinned_objects 4
        dotnet_gc_memory_total_available_bytes 8e9
        dotnet_threadpool_num_threads 12
        dotnet_threadpool_queue_length 2
        dotnet_threadpool_timer_count 5
        """,
        (
            'dotnet_gc_heap_size_bytes{gc_generation="2"}',
            'dotnet_gc_heap_size_bytes{gc_generation="loh"}',
            "dotnet_gc_finalization_queue_length",
            "dotnet_threadpool_num_threads",
            "dotnet_threadpool_queue_length",
            "dotnet_threadpool_timer_count",
        ),
    ),
    ".NET's heap in one figure": (
        """
        dotnet_gc_heap_size_bytes 6e7
        process_working_set_bytes 9e7
        """,
        ("dotnet_gc_heap_size_bytes", "process_working_set_bytes"),
    ),
    "Micrometer on Jetty and Netty": (
        """
        jvm_threads_live_threads 40
        jvm_classes_loaded_classes 9000
        jetty_threads_current 20
        jetty_threads_config_max 200
        jetty_threads_idle 8
        jetty_connections_current_connections{connector_name="http"} 5
        netty_allocator_memory_used{allocator_type="PooledByteBufAllocator",id="1",memory_type="direct"} 2e7
        netty_eventexecutor_tasks_pending{name="loop-1"} 1
        tomcat_sessions_active_current_sessions 30
        """,
        (
            "jvm_threads_live_threads",
            "jetty_threads_current",
            'jetty_connections_current_connections{connector_name="http"}',
            'netty_allocator_memory_used{allocator_type="PooledByteBufAllocator",id="1",memory_type="direct"}',
            'netty_eventexecutor_tasks_pending{name="loop-1"}',
        ),
    ),
}
