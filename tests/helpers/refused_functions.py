"""DuckDB's functions that somebody has looked at, and that no expression of a use case may call.

Among them are those that read (files, settings, variables, the catalogue, other tables), tell the clock, the
session or the version, draw by chance, run SQL or plan it, call a function by its name in a text, raise
errors, sleep or log; those that are no value of a row; and those that nobody has missed so far, such as
vectors' distances.
"""

_REFUSED = """
    != !__postfix <-> <=> @ __between __cast add_parquet_key aggregate ago alias apply approx_top_k
    array_aggr array_aggregate array_apply array_cosine_distance array_cosine_similarity
    array_cross_product array_distance array_dot_product array_filter array_grade_up array_inner_product
    array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front array_reduce
    array_resize array_select array_to_json array_to_string_comma_default array_transform array_value
    array_where array_zip arrow_scan arrow_scan_dumb assert_true binom bit_position bitstring
    bitstring_agg bitstring_byte_comparable can_cast_implicitly cast_to_type checkpoint col_description
    collations combine combine_aggr constant_or_null copy_database create_external_resource
    create_sort_key cume_dist current_catalog current_connection_id current_database current_date
    current_localtime current_localtimestamp current_query current_query_id current_role current_schema
    current_schemas current_setting current_transaction_id current_user currval database_list
    database_size decimal_average decimal_division decode dense_rank deregister_external_resource
    destroy_external_resource disable_checkpoint_on_shutdown disable_logging disable_object_cache
    disable_optimizer disable_print_progress_bar disable_profile disable_profiling disable_progress_bar
    disable_verification disable_verify_parallelism duckdb_approx_database_count
    duckdb_available_metrics duckdb_columns duckdb_connection_count duckdb_constraints
    duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_dialects
    duckdb_eviction_queues duckdb_extension_repositories duckdb_extensions duckdb_external_file_cache
    duckdb_external_resource_types duckdb_external_resources duckdb_functions duckdb_grammar_extensions
    duckdb_indexes duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory
    duckdb_optimizers duckdb_prepared_statements duckdb_profiling_settings duckdb_schemas
    duckdb_secret_type_parameters duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings
    duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_triggers duckdb_types
    duckdb_variables duckdb_views enable_checkpoint_on_shutdown enable_logging enable_object_cache
    enable_optimizer enable_print_progress_bar enable_profile enable_profiling enable_progress_bar
    enable_verification encode enum_code enum_first enum_last enum_range enum_range_boundary
    equi_width_bins error extension_versions fill filter finalize force_checkpoint
    formatReadableDecimalSize formatReadableSize format_bytes format_pg_type format_type from_base64
    from_binary from_hex from_json from_json_strict functions gen_random_uuid generate_series
    generate_subscripts geomean geometric_mean get_bit get_block_size get_current_time
    get_current_timestamp get_type getvariable glob grade_up has_any_column_privilege
    has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
    has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege
    has_server_privilege has_table_privilege has_tablespace_privilege hash histogram histogram_exact
    histogram_values hive_partition_component icu_calendar_names icu_sort_key import_database
    in_search_path index_key inet_client_addr inet_client_port inet_server_addr inet_server_port invoke
    is_histogram_other_bin json json_array json_copy_strftime_if_date json_copy_strftime_if_timestamp
    json_deep_merge json_deserialize_sql json_each json_execute_serialized_sql json_group_array
    json_group_object json_group_structure json_insert json_merge_patch json_merge_patch_diff
    json_normalize json_object json_pretty json_quote json_remove json_replace json_serialize_plan
    json_serialize_sql json_set json_strip_nulls json_structure json_transform json_transform_strict
    json_tree lag lead list_aggr list_aggregate list_apply list_approx_count_distinct list_bit_and
    list_bit_or list_bit_xor list_cosine_distance list_cosine_similarity list_distance list_dot_product
    list_entropy list_filter list_grade_up list_histogram list_inner_product list_kurtosis
    list_kurtosis_pop list_mad list_negative_dot_product list_negative_inner_product list_reduce
    list_select list_sem list_skewness list_string_agg list_transform list_where lttb make_type
    map_concat map_to_pg_oid metadata_info nextval now ntile obj_description pandas_scan
    parquet_bloom_probe parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata
    parquet_scan parquet_schema parse_dirname parse_dirpath parse_duckdb_log_message parse_filename
    parse_formatted_bytes parse_path path_join percent_rank pg_collation_is_visible pg_conf_load_time
    pg_conversion_is_visible pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_viewdef
    pg_has_role pg_is_other_temp_schema pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible
    pg_opfamily_is_visible pg_postmaster_start_time pg_size_pretty pg_sleep pg_table_is_visible
    pg_timezone_names pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
    pg_ts_template_is_visible pg_type_is_visible pg_typeof platform pragma_collations
    pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
    pragma_table_info pragma_user_agent pragma_version python_arrow_scan python_map_function query
    query_table random range rank rank_dense read_blob read_csv read_csv_auto read_duckdb read_json
    read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto
    read_ndjson_objects read_parquet read_single_csv_file read_single_json_file read_single_parquet_file
    read_text reduce regexp_split_to_table register_external_resource register_external_resource_type
    remap_struct repeat_row replace_type reservoir_quantile row_number row_to_json seq_scan session_user
    set_bit setseed setval shobj_description show show_databases show_tables show_tables_expanded
    sleep_ms sniff_csv st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_crs st_geomfromgeojson
    st_geomfromwkb st_intersects_extent st_setcrs stats storage_info struct_concat struct_contains
    struct_has struct_indexof struct_insert struct_keys struct_position struct_update struct_values
    sum_no_overflow summary table_info test_all_types test_vector_types timetz_byte_comparable
    to_aggregate_state to_base64 to_binary to_hex to_json today transaction_timestamp
    truncate_duckdb_logs txid_current typeof unbin unhex union_extract union_tag union_value unnest
    unpivot_list user user_agent uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7
    variant_array_length variant_bytes_to_variant variant_comparator variant_contains variant_exists
    variant_extract variant_extract_string variant_group_array variant_group_object variant_keys
    variant_normalize variant_to_parquet_variant variant_type variant_typeof vector_type
    verify_parallelism version vertex_extract wavg weighted_avg which_secret write_log
"""

REFUSED = frozenset(_REFUSED.split()) | {"IS DISTINCT FROM", "IS NOT DISTINCT FROM"}
