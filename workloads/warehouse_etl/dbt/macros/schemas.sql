{#- A layer is a schema of exactly its name. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
{#- The layers are made by the migrations, which alone may. -#}
{% macro create_schema(relation) -%}{%- endmacro %}
