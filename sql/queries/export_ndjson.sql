-- One page of an export, a JSON object a line: what is stored as JSON goes into it as it is, but for line breaks, which
-- stand outside of its texts. To be told as TSVRaw.
SELECT concat(
    substring(flat, 1, length(flat) - 1),
    ',"rolled_over":', if(rolled_over = '', 'null', rolled_over),
    ',"metadata":', if(metadata = '', '{}', translate(metadata, '\r\n', '  ')), '}')
FROM
(
    SELECT
        formatRowNoNewline('JSONEachRow',
            decision_id, organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
            license_id, license_slug, license_version, received_at, event_time, status, reason, crossing,
            behavior, value, before, after, event_count, `limit`, overage_percent, period_start, period_end,
            transaction_id, token, sequence, partition, offset, position) AS flat,
        rolled_over,
        metadata
    FROM audit_events_v1
    -- include exported
    -- include exported_to
    ORDER BY instance_id, received_at, partition, offset, position
)
SETTINGS date_time_output_format = 'iso', output_format_json_quote_decimals = 0, output_format_json_quote_64bit_integers = 0,
    -- include unmapped
