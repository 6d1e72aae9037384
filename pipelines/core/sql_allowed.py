"""What an expression of a use-case file may be made of: each function, aggregate, operator and type by its
name.

Whatever is not here is refused, so a new version's new function is, until somebody has looked at it
(tests/core/test_sql_allowed.py goes through all functions of DuckDB, and names each that nobody has). What is
here makes a value of its arguments alone: it reads no file, setting, variable, table or clock, draws no
chance, runs no SQL, sleeps and logs nothing, calls no other function by a name that is a text, and gives the
same on every machine.
"""

from __future__ import annotations

_SCALARS = {
    "operators": (
        """
        !~~ !~~* % & && * ** + - ->> / // < << <= <> = > >= >> @> <@ ^ ^@ | || ~ ~~ ~~* ~~~ like_escape
        ilike_escape not_like_escape not_ilike_escape
    """
    ),
    "numbers": (
        """
        abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees
        divide even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf
        isnan lcm least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power
        radians round round_even roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor
    """
    ),
    "texts": (
        """
        ascii bar base64 bin bit_length char_length character_length chr concat concat_ws contains
        damerau_levenshtein editdist3 ends_with format hamming hex instr jaccard jaro_similarity
        jaro_winkler_similarity lcase left left_grapheme len length length_grapheme levenshtein lower lpad
        ltrim md5 md5_number md5_number_lower md5_number_upper mismatches nfc_normalize octet_length ord
        overlay position prefix printf regexp_escape regexp_extract regexp_extract_all regexp_full_match
        regexp_matches regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad
        rtrim sha1 sha256 split split_part starts_with str_split str_split_regex string_split
        string_split_regex string_to_array strip_accents strlen strpos substr substring substring_grapheme
        suffix to_base translate trim ucase unicode upper url_decode url_encode
    """
    ),
    "times": (
        """
        age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day
        dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era
        hour isodow isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms
        make_timestamp_ns make_timestamptz microsecond millennium millisecond minute month monthname
        nanosecond normalized_interval quarter second strftime strptime time_bucket timezone timezone_hour
        timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia
        to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years
        try_strptime week weekday weekofyear year yearweek
    """
    ),
    "choices": (
        """
        if nullif switch
    """
    ),
    "lists": (
        """
        array_append array_cat array_concat array_contains array_distinct array_extract array_has
        array_has_all array_has_any array_indexof array_intersect array_length array_position array_prepend
        array_push_back array_push_front array_reverse array_reverse_sort array_slice array_sort
        array_to_string array_unique flatten list_any_value list_append list_avg list_bool_and list_bool_or
        list_cat list_concat list_contains list_count list_distinct list_element list_extract list_first
        list_has list_has_all list_has_any list_indexof list_intersect list_last list_max list_median
        list_min list_mode list_pack list_position list_prepend list_product list_resize list_reverse
        list_reverse_sort list_slice list_sort list_stddev_pop list_stddev_samp list_sum list_unique
        list_value list_var_pop list_var_samp list_zip
    """
    ),
    "structs and maps": (
        """
        cardinality element_at map map_contains map_contains_entry map_contains_value map_entries
        map_extract map_extract_value map_from_entries map_keys map_values row struct_extract
        struct_extract_at struct_pack
    """
    ),
    "JSON": (
        """
        json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text
        json_extract_string json_keys json_type json_valid json_value
    """
    ),
}

_AGGREGATES = """
    any_value approx_count_distinct approx_quantile arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bool_and
    bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum
    group_concat kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by
    mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept
    regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg
    sum sumkahan var_pop var_samp variance
"""

# Nodes of DuckDB's syntax tree whose kind says what they do, such as COALESCE.
_OPERATORS = """
    OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF OPERATOR_TRY
    COMPARE_IN COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE ARRAY_CONSTRUCTOR STRUCT_EXTRACT
"""

# Those with a zone are here for `at time zone`: every connection of Sluice is in UTC.
_CAST_TYPES = """
    boolean bool logical tinyint int1 smallint int2 int16 short integer int int4 int32 integral signed
    bigint int8 int64 long hugeint int128 utinyint uint8 usmallint uint16 uinteger uint32 ubigint uint64
    uhugeint uint128 decimal dec numeric real float float4 double float8 varchar char bpchar nvarchar
    text string json date time timestamp datetime timestamp_s timestamp_ms timestamp_us timestamp_ns
    timestamptz interval list array
"""

# Read without parentheses they are no columns, but the clock or the session.
_NO_COLUMNS = """
    current_catalog current_date current_localtime current_localtimestamp current_role current_schema
    current_time current_timestamp current_user localtime localtimestamp session_user user
"""

SCALARS = frozenset(word for words in _SCALARS.values() for word in words.split())
AGGREGATES = frozenset(_AGGREGATES.split())
# One row of a window: all others of the kind (lag, rank, ...) look beyond the window's bounds.
OF_WINDOWS = frozenset({"first_value", "last_value", "nth_value"})
OPERATORS = frozenset(_OPERATORS.split())
CAST_TYPES = frozenset(_CAST_TYPES.split()) | {"timestamp with time zone"}
NO_COLUMNS = frozenset(_NO_COLUMNS.split())
# others are a language's, and change with its rules
COLLATIONS = frozenset({"binary", "c", "posix", "nocase", "noaccent", "nfc"})
